import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { promisify } from 'node:util';
import passport from 'passport';
import { Strategy } from 'passport-local';

export interface User {
  name: string;
}

/** Shown on the page: these are no secrets. */
const PASSWORDS = new Map([
  ['alice', 'alice'],
  ['bob', 'bob'],
]);

/** Passport, with promises: who is logged in is a name in the user session. */
@Injectable()
export class Passport {
  private readonly passport = new passport.Passport();
  readonly session = this.passport.session() as RequestHandler;

  constructor() {
    this.passport.use(
      new Strategy((name, password, done) => done(null, PASSWORDS.get(name) === password ? { name } : false)),
    );
    this.passport.serializeUser((user, done) => done(null, (user as User).name));
    this.passport.deserializeUser((name: string, done) => done(null, { name }));
  }

  /** The user whose name and password stand in the body. */
  authenticate(req: Request, res: Response): Promise<User | undefined> {
    return new Promise((resolve, reject) => {
      const decide = (error: Error | null, user: User | false): void => {
        if (error === null) resolve(user === false ? undefined : user);
        else reject(error);
      };
      (this.passport.authenticate('local', decide) as RequestHandler)(req, res, reject);
    });
  }

  /** Gives the user session a new id: whoever planted the old one is out. */
  logIn(req: Request, user: User): Promise<void> {
    return promisify((done: (error: unknown) => void) => req.logIn(user, done))();
  }

  logOut(req: Request): Promise<void> {
    return promisify((done: (error: unknown) => void) => req.logOut(done))();
  }
}

/** Puts who is logged in on every request. */
@Injectable()
export class PassportSession implements NestMiddleware {
  constructor(private readonly passport: Passport) {}

  use(req: Request, res: Response, next: NextFunction): void {
    void this.passport.session(req, res, next);
  }
}
