import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiProperty } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ActiveSession, getActiveSession, InjectActiveSession } from 'nestjs-active-session';
import { Endings } from '../endings/endings.js';
import { Credentials } from './credentials.js';
import { Passport, type User } from './passport.js';
import { WrongPasswordError } from './wrong-password.error.js';

class AccountJson {
  @ApiProperty({ type: String, nullable: true, description: 'Who is logged in; null for a visitor.' })
  user!: string | null;
}

@Controller('api/account')
export class AccountController {
  constructor(
    private readonly passport: Passport,
    private readonly endings: Endings,
  ) {}

  @Get()
  @ApiOkResponse({ type: AccountJson })
  show(@Req() { user }: Request): AccountJson {
    return { user: (user as User | undefined)?.name ?? null };
  }

  /** A visitor's session goes on, under the same id, with its runners. */
  @Post('login')
  @HttpCode(200)
  @ApiOkResponse({ type: AccountJson })
  async logIn(
    // Passport reads the body of the request itself; here it is checked.
    @Body() _credentials: Credentials,
    @Req() req: Request,
    @Res({ passthrough: true }) res: Response,
  ): Promise<AccountJson> {
    const user = await this.passport.authenticate(req, res);
    if (user === undefined) throw new WrongPasswordError();
    await this.passport.logIn(req, user);
    return { user: user.name };
  }

  /** Ends all sessions of the user. The answer waits for the clean-up, so that its report is there to be shown. */
  @Post('logout')
  @HttpCode(200)
  @ApiOkResponse({ type: AccountJson })
  async logOut(@InjectActiveSession() { group }: ActiveSession, @Req() req: Request): Promise<AccountJson> {
    await this.passport.logOut(req);
    await group.cleanupCompletion;
    this.endings.handOverLogout(group.id, getActiveSession(req).group.id);
    return { user: null };
  }
}
