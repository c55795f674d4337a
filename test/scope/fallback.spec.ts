import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, forwardRef, Get, Inject, Injectable, Logger, Req, Res } from '@nestjs/common';
import {
  ActiveSession,
  ActiveSessionGroup,
  GroupScoped,
  InjectSessionLock,
  SessionLock,
  sessionScoped,
  SessionScoped,
  SessionUnavailableError,
  type OnSessionEnd,
} from 'nestjs-active-session';
import { FakeClock, settle } from '../support/fake-clock.js';
import { Gate, until } from '../support/gate.js';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

const told: string[] = [];

@GroupScoped({ fallback: 'request' })
class Household implements OnSessionEnd {
  members = 0;
  onSessionEnd(reason: string): void {
    told.push(`household ${reason}`);
  }
}
@SessionScoped({ fallback: 'request' })
class Cart {
  count = 0;
  constructor(
    readonly household: Household,
    readonly session: ActiveSession,
    readonly group: ActiveSessionGroup,
  ) {}
  add(): number {
    this.household.members++;
    return ++this.count;
  }
  async onModuleDestroy(): Promise<void> {
    await settle(1);
    told.push(`cart of ${this.count}`);
  }
}
@SessionScoped()
class Strict {
  count = 0;
}
@Injectable()
class Shop {
  constructor(
    readonly cart: Cart,
    readonly strict: Strict,
  ) {}
}

let act: (req: object, res: { write(chunk: string): void; end(): void }) => unknown = () => undefined;

@Controller()
class ShopController {
  constructor(private readonly shop: Shop) {}
  @Get(['with/cart', 'without/cart'])
  cart(): unknown {
    const { cart } = this.shop;
    cart.add();
    return { count: cart.add(), members: cart.household.members, hasSession: cart.session.isAvailable };
  }
  @Get(['with/strict', 'without/strict'])
  strict(): number {
    return ++this.shop.strict.count;
  }
  @Get(['with/act', 'without/act'])
  act(@Req() req: object): unknown {
    return act(req, undefined as never);
  }
  @Get('without/stream')
  stream(@Req() req: object, @Res() res: { write(chunk: string): void; end(): void }): unknown {
    return act(req, res);
  }
}

const metadata = { providers: [Household, Cart, Strict, Shop], controllers: [ShopController] };
const options = { sessions: [{ path: '/with/*rest' }, { path: '/session' }] };

afterEach(async () => {
  await closeApps();
  jest.restoreAllMocks();
  told.length = 0;
});

describe("With `fallback: 'request'`", () => {
  it('a request without a session has an instance of its own, which ends after the answer', async () => {
    const app = await startScopedApp(metadata, { options });
    for (let i = 0; i < 2; i++) {
      const { body } = await app.browser().get('/without/cart');
      expect(body).toEqual({ count: 2, members: 2, hasSession: false });
      await until(() => told.length === 2);
      expect(told.splice(0)).toEqual(['cart of 2', 'household terminated']);
    }
    expect(app.registry.stats()).toMatchObject({ sessions: 0, created: 0 });
  });

  it('requests with a session have that of the session', async () => {
    const app = await startScopedApp(metadata, { options });
    const browser = app.browser();
    expect((await browser.get('/with/cart')).body).toEqual({ count: 2, members: 2, hasSession: true });
    expect((await browser.get('/with/cart')).body).toMatchObject({ count: 4, members: 4 });
    expect((await browser.get('/without/cart')).body).toMatchObject({ count: 2, hasSession: false });
    await until(() => told.length === 2);
    await app.registry.all()[0]?.terminate();
    await until(() => told.length === 4);
    expect(told.slice(2)).toEqual(['cart of 4', 'household terminated']);
  });

  it('parallel requests share nothing', async () => {
    const app = await startScopedApp(metadata, { options });
    const browser = app.browser();
    const answers = await Promise.all(Array.from({ length: 10 }, () => browser.get('/without/cart')));
    expect(answers.map(({ body }) => (body as { count: number }).count)).toEqual(Array(10).fill(2));
    await until(() => told.length === 20);
  });

  it('what has no fallback is refused beside it, and beneath it', async () => {
    const app = await startScopedApp(metadata, { options });
    expect((await app.browser().get('/without/strict')).status).toBe(503);
    expect((await app.browser().get('/with/strict')).text).toBe('1');
    @SessionScoped({ fallback: 'request' })
    class Mixed {
      constructor(readonly strict: Strict) {}
    }
    await expect(startScopedApp({ providers: [Strict, Mixed] }, { options })).rejects.toThrow(
      "Mixed (fallback: 'request') -> Strict: a request without a session has no Strict. " +
        'Give Strict the option "fallback: \'request\'", too, or remove it from Mixed.',
    );
  });

  it('what its code asks for by itself is refused, too; there is no session, and no lock', async () => {
    let seen: unknown[] = [];
    @SessionScoped({ fallback: 'request' })
    class Asking {
      constructor(
        readonly shop: Shop,
        readonly session: ActiveSession,
        @InjectSessionLock(Cart) readonly lock: SessionLock<Cart>,
        @Inject(forwardRef(() => Looking)) readonly looking: { isAvailable(): boolean },
      ) {
        let refused: unknown;
        try {
          shop.strict.count++;
        } catch (error) {
          refused = error;
        }
        seen = [session.isAvailable, looking.isAvailable(), refused];
      }
      locks(): Promise<boolean[]> {
        return Promise.all([this.lock, this.lock].map(async (lock) => (await lock.acquire()).isReallyLocked));
      }
    }
    @Injectable()
    class Looking {
      constructor(readonly session: ActiveSession) {}
      isAvailable(): boolean {
        return this.session.isAvailable;
      }
    }
    const app = await startScopedApp({ ...metadata, providers: [...metadata.providers, Asking, Looking] }, { options });
    let locks: boolean[] = [];
    act = async () => {
      locks = await app.get(Asking).locks();
    };
    expect((await app.browser().get('/without/act')).status).toBe(200);
    expect(seen.slice(0, 2)).toEqual([false, false]);
    expect(seen[2]).toBeInstanceOf(SessionUnavailableError);
    expect(seen[2]).toMatchObject({
      message: expect.stringMatching(
        /^Strict has no "fallback: 'request'"\. There is no active session: no rule of option/,
      ),
    });
    expect(locks).toEqual([false, false]);
  });

  it('it ends, too, when the client vanishes, and the handler goes on', async () => {
    const app = await startScopedApp(metadata, { options });
    const gate = new Gate();
    const abort = new AbortController();
    let after: unknown;
    let isBegun = false;
    act = async (_req, res) => {
      app.get(Cart).add();
      res.write('begun');
      isBegun = true;
      await gate.opened;
      try {
        after = app.get(Cart).add();
      } catch (error) {
        after = error;
      }
      res.end();
    };
    const answer = app.browser().get('/without/stream', { signal: abort.signal });
    await until(() => isBegun);
    abort.abort();
    await expect(answer).rejects.toThrow();
    await until(() => told.length === 2);
    expect(told).toEqual(['cart of 1', 'household terminated']);
    gate.open();
    await until(() => after !== undefined);
    expect(after).toMatchObject({ message: expect.stringMatching(/its request has been answered/) });
  });

  it('outside of any request there is none', async () => {
    const app = await startScopedApp(metadata, { options });
    expect(() => app.get(Cart).add()).toThrow(/Cart\.add was used outside of an active session/);
  });

  it('looking at it makes nothing', async () => {
    const app = await startScopedApp(metadata, { options });
    const looked: unknown[] = [];
    act = () => {
      const cart = app.get(Cart);
      looked.push('count' in cart, 'add' in cart);
      cart.add();
      looked.push('count' in cart);
    };
    await app.browser().get('/without/act');
    expect(looked).toEqual([false, true, true]);
    await until(() => told.length === 2);
  });

  it('factories do it, too, asynchronous ones prepared', async () => {
    const app = await startScopedApp(
      {
        ...metadata,
        providers: [
          ...metadata.providers,
          sessionScoped({
            provide: 'INDEX',
            fallback: 'request',
            useFactory: async () => Promise.resolve({ words: ['ready'] }),
            dispose: () => told.push('index'),
          }),
          sessionScoped({ provide: 'STRICT', useFactory: async () => Promise.reject(new Error('never made')) }),
        ],
      },
      { options },
    );
    let words: string[] = [];
    act = () => {
      ({ words } = app.get<{ words: string[] }>('INDEX'));
    };
    expect((await app.browser().get('/without/act')).status).toBe(200);
    expect(words).toEqual(['ready']);
    await until(() => told.length === 1);
    expect(told).toEqual(['index']);
  });

  it('a preparation that fails answers 500, with its name in the log', async () => {
    const logged: string[] = [];
    jest.spyOn(Logger.prototype, 'error').mockImplementation((message: unknown) => void logged.push(String(message)));
    const shaky = sessionScoped({
      provide: 'SHAKY',
      fallback: 'request',
      useFactory: async () => Promise.reject(new Error('no luck')),
    });
    const app = await startScopedApp({ ...metadata, providers: [...metadata.providers, shaky] }, { options });
    expect((await app.browser().get('/without/act')).status).toBe(500);
    expect(logged).toEqual(['SHAKY could not be prepared: no luck']);
  });

  it('a hook that fails, or hangs, is logged and stops nothing', async () => {
    const logged: string[] = [];
    jest.spyOn(Logger.prototype, 'error').mockImplementation((message: unknown) => void logged.push(String(message)));
    @SessionScoped({ fallback: 'request' })
    class Failing {
      use(): void {
        told.push('used');
      }
      onModuleDestroy(): Promise<void> {
        return new Promise(() => undefined);
      }
      [Symbol.dispose](): void {
        throw new Error('broken');
      }
    }
    const clock = new FakeClock();
    const app = await startScopedApp(
      { ...metadata, providers: [...metadata.providers, Failing] },
      { options: { ...options, clock } },
    );
    act = () => {
      app.get(Cart).add();
      app.get(Failing).use();
    };
    await app.browser().get('/without/act');
    await settle(20);
    await clock.advance(5_000);
    await until(() => told.length === 3);
    // After cleanupTimeoutMs all are still called, and not waited for.
    expect(told).toEqual(['used', 'household terminated', 'cart of 1']);
    expect(logged).toEqual([
      'The end of a request without a session, Failing.onModuleDestroy(): did not end in time; the clean-up goes on without it',
      'The end of a request without a session, Failing[Symbol.dispose](): broken',
      'The end of a request without a session, Cart.onModuleDestroy(): did not end in time; the clean-up goes on without it',
    ]);
  });

  it('at shutdown it ends with the application, before its services', async () => {
    const gate = new Gate();
    let late = '';
    @Injectable()
    class Db {
      async onModuleDestroy(): Promise<void> {
        told.push('db');
        gate.open();
        await until(() => late !== '');
      }
    }
    const app = await startScopedApp({ ...metadata, providers: [...metadata.providers, Db] }, { options });
    let isUsed = false;
    act = async () => {
      app.get(Cart).add();
      isUsed = true;
      await gate.opened;
      try {
        app.get(Cart).add();
      } catch (error) {
        late = (error as Error).message;
      }
    };
    const answer = app
      .browser()
      .get('/without/act')
      .catch(() => undefined);
    await until(() => isUsed);
    const closing = app.app.close();
    await closing;
    expect(told).toEqual(['cart of 1', 'household shutdown', 'db']);
    expect(() => app.get(Cart).add()).toThrow(/outside/);
    await answer;
    expect(late).toBe('Cart was asked for, but the session has ended (shutdown) and cannot be used any more');
  });
});

describe('A request whose session ends while it is handled', () => {
  it('is told so: nothing takes the place of what it had', async () => {
    @Controller('with')
    class LoginController {
      constructor(@Inject(Cart) private readonly cart: Cart) {}
      @Get('logout')
      async logout(@Req() req: { session: { destroy(done: () => void): void } }): Promise<unknown> {
        const before = this.cart.add();
        await new Promise<void>((resolve) => req.session.destroy(resolve));
        await until(() => told.includes('household user-session-ended'));
        let after: unknown;
        try {
          after = this.cart.add();
        } catch (error) {
          after = (error as Error).name;
        }
        return { before, after };
      }
    }
    const app = await startScopedApp({ ...metadata, controllers: [LoginController, ShopController] }, { options });
    const browser = app.browser();
    await browser.get('/with/cart');
    const { body } = await browser.get('/with/logout');
    expect(body).toEqual({ before: 3, after: 'SessionEndedError' });
  });
});
