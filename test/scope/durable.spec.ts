import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Scope } from '@nestjs/common';
import {
  ContextIdFactory,
  REQUEST,
  type ContextId,
  type ContextIdStrategy,
  type HostComponentInfo,
} from '@nestjs/core';
import { ActiveSession, SessionScoped, type OnSessionEnd } from 'nestjs-active-session';
import { Scope as SessionScope } from '../../src/scope/scope.js';
import { settle } from '../support/fake-clock.js';
import { Gate, until } from '../support/gate.js';
import { InProcessApp } from '../support/in-process.js';
import { closeApps } from '../support/test-app.js';
import { startScopedApp, type ScopedApp } from './scoped-app.js';

const DURABLE = { scope: Scope.REQUEST, durable: true };
const told: string[] = [];

const currentStrategy = (): unknown => (ContextIdFactory as unknown as { strategy?: unknown }).strategy;
const setStrategy = (strategy: ContextIdStrategy | undefined): void => ContextIdFactory.apply(strategy as never);

afterEach(async () => {
  await closeApps();
  setStrategy(undefined);
  told.length = 0;
});

@SessionScoped()
class Cart {
  items = 0;
  onModuleDestroy(): void {
    told.push('cart');
  }
}
@Injectable(DURABLE)
class Repository {
  static made = 0;
  readonly number = ++Repository.made;
  onModuleDestroy(): void {
    told.push(`repository ${this.number}`);
  }
}
@Injectable(DURABLE)
class Account implements OnSessionEnd {
  visits = 0;
  constructor(
    readonly repository: Repository,
    readonly cart: Cart,
    @Inject(REQUEST) readonly payload: unknown,
  ) {}
  async onSessionEnd(reason: string): Promise<void> {
    await settle(1);
    told.push(`account ${reason}, ${this.cart.items} items`);
  }
}
@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  static made = 0;
  readonly number = ++PerRequest.made;
  onModuleDestroy(): void {
    told.push('per request');
  }
}
@Controller(['shop', 'outside'])
class AccountController {
  constructor(readonly account: Account) {}
  @Get()
  visit(): unknown {
    const { account } = this;
    account.visits++;
    return { visits: account.visits, repository: account.repository.number, hasPayload: account.payload !== undefined };
  }
}
@Controller('mixed')
class MixedController {
  constructor(
    readonly account: Account,
    readonly perRequest: PerRequest,
    private readonly session: ActiveSession,
  ) {}
  @Get()
  visit(): unknown {
    this.account.cart.items++;
    return { visits: ++this.account.visits, request: this.perRequest.number, id: this.session.id };
  }
}
const metadata = {
  providers: [Cart, Repository, Account, PerRequest],
  controllers: [AccountController, MixedController],
};
const sessions = [{ path: '/shop' }, { path: '/mixed' }, { path: '/session' }];

/** An application's own: one context for each tenant, named by a header. */
class ByTenant implements ContextIdStrategy {
  private readonly tenants = new Map<string, ContextId>();
  attach(contextId: ContextId, request: { headers?: Record<string, string> }) {
    const tenant = request.headers?.['x-tenant'] ?? 'none';
    if (!this.tenants.has(tenant)) this.tenants.set(tenant, ContextIdFactory.create());
    const ofTenant = this.tenants.get(tenant)!;
    return {
      resolve: (info: HostComponentInfo) => (info.isTreeDurable ? ofTenant : contextId),
      payload: { tenant },
    };
  }
}

const start = (bindDurableProviders = true): Promise<ScopedApp> =>
  startScopedApp(metadata, { options: { bindDurableProviders, sessions } });

describe('With `bindDurableProviders`', () => {
  it('durable providers of Nest are one for each session, and end with it, before what they use', async () => {
    const app = await start();
    const [alice, bob] = [app.browser(), app.browser()];
    const first = (await alice.get('/shop')).body as { repository: number };
    expect(first).toMatchObject({ visits: 1, hasPayload: false });
    expect((await alice.get('/shop')).body).toMatchObject({ visits: 2, repository: first.repository });
    const other = (await bob.get('/shop')).body as { repository: number };
    expect(other).toMatchObject({ visits: 1 });
    expect(other.repository).not.toBe(first.repository);
    const mixed = (await alice.get('/mixed')).body as { id: string };
    expect(mixed).toMatchObject({ visits: 3 });
    const report = await app.registry.get(mixed.id)!.terminate();
    expect(told).toEqual(['account terminated, 1 items', `repository ${first.repository}`, 'cart']);
    // The controller of a durable provider is durable, too.
    expect(report).toMatchObject({ disposed: 4, failed: [] });
    expect((await bob.get('/shop')).body).toMatchObject({ visits: 2 });
    expect((await alice.get('/shop')).body).toMatchObject({ visits: 1 });
  });

  it('what is request-scoped stays so', async () => {
    const app = await start();
    const browser = app.browser();
    const numbers = [await browser.get('/mixed'), await browser.get('/mixed')].map(
      ({ body }) => body as { request: number },
    );
    expect(numbers[1]!.request).toBe(numbers[0]!.request + 1);
    await app.registry.all()[0]!.terminate();
    expect(told).not.toContain('per request');
  });

  it('requests without a session are left to Nest', async () => {
    const app = await start();
    const browser = app.browser();
    expect((await browser.get('/outside')).body).toMatchObject({ visits: 1 });
    expect((await browser.get('/outside')).body).toMatchObject({ visits: 1 });
    expect(app.registry.stats().created).toBe(0);
  });

  it.each(['before', 'after'])('a strategy of the application that is set %s goes on', async (when) => {
    const own = new ByTenant();
    if (when === 'before') setStrategy(own);
    const app = await start();
    if (when === 'after') {
      await app.browser().get('/shop');
      setStrategy(own);
    }
    const browser = app.browser();
    const call = (path: string, tenant: string) => browser.get(path, { headers: { 'x-tenant': tenant } });
    expect((await call('/outside', 'a')).body).toMatchObject({ visits: 1, hasPayload: true });
    expect((await call('/outside', 'a')).body).toMatchObject({ visits: 2 });
    expect((await call('/outside', 'b')).body).toMatchObject({ visits: 1 });
    expect((await call('/shop', 'a')).body).toMatchObject({ visits: 1, hasPayload: true });
    expect((await call('/shop', 'b')).body).toMatchObject({ visits: 2 });
    await closeApps();
    expect(currentStrategy()).toBe(own);
  });

  it('a strategy of the application that asks the one that it found goes on, too', async () => {
    const app = await start();
    const browser = app.browser();
    await browser.get('/shop');
    const found = currentStrategy() as ContextIdStrategy;
    setStrategy({ attach: (contextId, request) => found.attach(contextId, request) });
    expect((await browser.get('/shop')).body).toMatchObject({ visits: 2 });
    expect((await browser.get('/outside')).body).toMatchObject({ visits: 1 });
  });

  it('the session does not end what a factory returns: it may be shared', async () => {
    @Injectable()
    class Pool {
      onModuleDestroy(): void {
        told.push('pool');
      }
    }
    const tenantDb = { provide: 'TENANT_DB', ...DURABLE, useFactory: (pool: Pool) => pool, inject: [Pool] };
    @Injectable(DURABLE)
    class Dao {
      constructor(@Inject('TENANT_DB') readonly db: Pool) {}
      onModuleDestroy(): void {
        told.push('dao');
      }
    }
    @Controller('shop')
    class DaoController {
      constructor(readonly dao: Dao) {}
      @Get()
      name(): string {
        return this.dao.db.constructor.name;
      }
    }
    const app = await startScopedApp(
      { providers: [Pool, tenantDb, Dao], controllers: [DaoController] },
      { options: { bindDurableProviders: true, sessions } },
    );
    expect((await app.browser().get('/shop')).text).toBe('Pool');
    await app.registry.all()[0]!.terminate();
    expect(told).toEqual(['dao']);
  });

  it('a session that ends while Nest makes one waits for it, and ends it', async () => {
    const gate = new Gate();
    let isBegun = false;
    const slow = {
      provide: 'SLOW',
      ...DURABLE,
      useFactory: async () => {
        isBegun = true;
        await gate.opened;
        return {};
      },
    };
    @Injectable(DURABLE)
    class Top {
      constructor(@Inject('SLOW') readonly slow: object) {}
      onModuleDestroy(): void {
        told.push('top');
      }
    }
    @Controller('shop')
    class TopController {
      constructor(readonly top: Top) {}
      @Get()
      show(): string {
        return 'made';
      }
    }
    const app = await startScopedApp(
      { providers: [slow, Top], controllers: [TopController] },
      { options: { bindDurableProviders: true, sessions } },
    );
    const answer = app.browser().get('/shop');
    await until(() => isBegun);
    const ending = app.registry.all()[0]!.terminate();
    await settle();
    gate.open();
    expect(await ending).toMatchObject({ timedOut: [], failed: [] });
    expect(told).toEqual(['top']);
    expect((await answer).text).toBe('made');
  });

  it('what an ended session had can be collected, although something of the session is kept', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const made: WeakRef<object>[] = [];
    @Injectable(DURABLE)
    class Kept {
      constructor() {
        made.push(new WeakRef(this));
      }
    }
    @Controller('shop')
    class KeptController {
      constructor(readonly kept: Kept) {}
      @Get()
      show(): string {
        return 'shown';
      }
    }
    const app = await startScopedApp(
      { providers: [Kept], controllers: [KeptController] },
      { options: { bindDurableProviders: true, sessions } },
    );
    await app.browser().get('/shop');
    const [session] = app.registry.all();
    const bound = session!.bind(() => 1);
    await settle();
    collect();
    expect(made.map((each) => each.deref() !== undefined)).toEqual([true]);
    await session!.terminate();
    // What Nest and the server have of the request goes some turns later.
    await until(() => {
      collect();
      return made[0]!.deref() === undefined;
    });
    expect(bound()).toBe(1);
  });

  it('after its end nothing of the application is asked, although it handles a request', async () => {
    let status = 0;
    @Injectable()
    class Late {
      async beforeApplicationShutdown(): Promise<void> {
        status = await app.request(InProcessApp.newUser(), 'tab', () => Promise.resolve());
      }
    }
    const app: InProcessApp = await InProcessApp.start({ providers: [Late] }, { bindDurableProviders: true });
    expect(await app.request(InProcessApp.newUser(), 'tab', () => Promise.resolve())).toBe(200);
    expect(currentStrategy()).toBeDefined();
    await app.app.close();
    expect(status).toBe(200);
    expect(currentStrategy()).toBeUndefined();
  });

  it('applications beside each other do not touch, in whatever order they are closed', async () => {
    const [first, without, second] = [await start(), await start(false), await start()];
    const browsers = [first, without, second].map((app) => app.browser());
    const visits = async (): Promise<number[]> => {
      const answers = [];
      for (const browser of browsers) answers.push((await browser.get('/shop')).body as { visits: number });
      return answers.map((body) => body.visits);
    };
    expect(await visits()).toEqual([1, 1, 1]);
    expect(await visits()).toEqual([2, 1, 2]);
    await first.app.close();
    browsers.shift();
    expect(await visits()).toEqual([1, 3]);
    await second.app.close();
    expect(currentStrategy()).toBeUndefined();
  });
});

describe('The end of a scope', () => {
  it('lets what could not be made end first, then durable providers, then what was made', async () => {
    const ended: string[] = [];
    const scope = new SessionScope('session', {} as never, {});
    const unmade = new Gate();
    scope.waitForEnd(unmade.opened);
    scope.endFirst = async () => {
      ended.push('durable providers');
      return 0;
    };
    scope.close('terminated');
    const over = scope.dispose((what, step) => {
      ended.push(what);
      return step() as Promise<void>;
    }, 'terminated');
    await settle();
    expect(ended).toEqual(['the end of what could not be made']);
    unmade.open();
    await over;
    expect(ended).toEqual(['the end of what could not be made', 'durable providers']);
  });
});
