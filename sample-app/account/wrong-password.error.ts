import { UnauthorizedException } from '@nestjs/common';

/** One answer for a name that is not known and for a wrong password. */
export class WrongPasswordError extends UnauthorizedException {
  constructor() {
    super({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      detail: 'There is no user with this name and password.',
    });
  }
}
