import { Controller, Get, Injectable, Req, Res } from '@nestjs/common';
import type { Request, RequestHandler, Response } from 'express';
import passport from 'passport';
import { Strategy } from 'passport-local';
import {
  getActiveSession,
  SessionScoped,
  type ActiveSession,
  type OnRegenerate,
  type SessionRequest,
} from 'nestjs-active-session';
import type { Answer, Browser } from '../support/browser.js';
import { done } from '../support/done.js';
import { Gate } from '../support/gate.js';
import type { Handlers } from '../support/handlers.js';
import { RecordingStore } from '../support/recording-store.js';
import type { SessionApp, SessionAppOptions, SessionApps } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';

declare module 'express-session' {
  interface SessionData {
    passport?: { user?: string };
  }
}

@SessionScoped()
export class Cart {
  readonly items: string[] = [];
}

/** A singleton, to which the cart of the running code is injected. */
@Injectable()
export class Shop {
  constructor(readonly cart: Cart) {}
}

/** The recipe of docs/guide/logout.md: what an anonymous visitor had is theirs after the login, and nobody else's. */
export const keepAtLogin: OnRegenerate = ({ user, session }: SessionRequest) =>
  user !== undefined && user !== null && session.passport?.user === undefined ? 'keep' : 'end';

export interface LoginApp extends SessionApp {
  store: RecordingStore;
  /** What a waiting handler waits for, how many have waited, and how many went on. */
  gate: Gate;
  waiting: () => number;
  over: () => number;
  viewed: () => number;
}

export interface LoginAppOptions {
  onRegenerate?: OnRegenerate;
  store?: RecordingStore;
  keepSessionInfo?: boolean;
  genid?: () => string;
  configure?: SessionAppOptions['configure'];
  handlers?: Handlers;
}

/** A shop with a login by passport-local: any name, and the password "right". */
export async function startLoginApp(
  start: SessionApps['start'],
  {
    onRegenerate = keepAtLogin,
    store = new RecordingStore(),
    keepSessionInfo = false,
    genid,
    configure,
    handlers,
  }: LoginAppOptions = {},
): Promise<LoginApp> {
  const users = new passport.Passport();
  users.use(new Strategy((name, password, done) => done(null, password === 'right' ? { name } : false)));
  users.serializeUser((user, done) => done(null, (user as { name: string }).name));
  users.deserializeUser((name: string, done) => done(null, { name }));

  const gate = new Gate();
  let waiting = 0;
  let over = 0;
  let viewed = 0;
  // Holds the objects of its session over the wait, as a handler may, and has begun its answer.
  const poll = async (req: Request, res: Response): Promise<string[]> => {
    const { items } = getActiveSession(req).services.get(Cart);
    res.setHeader('ETag', '"of the answer"').setHeader('Content-Length', '7');
    waiting++;
    await gate.opened;
    setImmediate(() => over++);
    return items;
  };
  @Controller('nest')
  class PollController {
    @Get('poll')
    async poll(@Req() req: Request, @Res({ passthrough: true }) res: Response): Promise<string[]> {
      const items = await poll(req, res);
      res.setHeader('X-Items', items.join());
      return items;
    }
  }
  const view = (req: Request): object => {
    viewed++;
    const { id, generation } = getActiveSession(req);
    return {
      user: (req.user as { name: string } | undefined)?.name,
      id,
      generation,
      items: app.app.get(Shop).cart.items,
    };
  };
  const app: SessionApp = await start({
    options: { userSession: { secret: SECRET, store, ...(genid !== undefined && { genid }) }, onRegenerate },
    metadata: { providers: [Cart, Shop], controllers: [PollController] },
    configure: (nest) => {
      nest.use(users.session());
      configure?.(nest);
    },
    handlers: {
      view,
      add: (req) => void app.app.get(Shop).cart.items.push(req.query.item as string),
      login: async (req, res) => {
        const user = await authenticate(users, req, res);
        if (user === undefined) return res.status(401).json(null);
        await done((callback) => req.logIn(user, { session: true, keepSessionInfo }, callback));
        return view(req);
      },
      logout: async (req) => {
        await done((callback) => req.logout({ keepSessionInfo }, callback));
        return view(req);
      },
      poll: (req, res) => poll(req, res),
      stream: async (req, res) => {
        const { items } = getActiveSession(req).services.get(Cart);
        res.write('stream: ');
        waiting++;
        await gate.opened;
        res.end(items.join());
      },
      ...handlers,
    },
  });
  return { ...app, store, gate, waiting: () => waiting, over: () => over, viewed: () => viewed };
}

/** What passport-local says of the name and password in the body. */
function authenticate(users: passport.Authenticator, req: Request, res: Response): Promise<Express.User | undefined> {
  return new Promise((resolve, reject) => {
    const decide = (error: Error | null, user: Express.User | false): void => {
      if (error === null) resolve(user === false ? undefined : user);
      else reject(error);
    };
    (users.authenticate('local', decide) as RequestHandler)(req, res, reject);
  });
}

export function login(browser: Browser, username: string, password = 'right'): Promise<Answer> {
  return browser.post('/login', { username, password });
}

/** Somebody anonymous with a pair of shoes in the cart. */
export async function visitor(app: SessionApp): Promise<{ browser: Browser; session: ActiveSession }> {
  const visitor = await app.user();
  await visitor.browser.get('/add?item=shoes');
  return visitor;
}
