import { BadRequestException } from '@nestjs/common';

/** 400 with a sentence for the user, as problem details (RFC 9457). */
export class BadInputError extends BadRequestException {
  constructor(detail: string) {
    super({ type: 'about:blank', title: 'Bad Request', status: 400, detail });
  }
}
