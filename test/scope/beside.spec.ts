import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  Logger,
  UseFilters,
  type ExceptionFilter,
  type INestApplication,
} from '@nestjs/common';
import { CommandBus, CommandHandler, CqrsModule, EventBus, EventsHandler, QueryBus, QueryHandler } from '@nestjs/cqrs';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { WsAdapter } from '@nestjs/platform-ws';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ClsModule, ClsService } from 'nestjs-cls';
import { once } from 'node:events';
import passport from 'passport';
import { Strategy } from 'passport-local';
import type { Observable } from 'rxjs';
import { WebSocket, type WebSocketServer } from 'ws';
import { ActiveSession, ActiveSessionRegistry, NotInSessionError, SessionScoped } from 'nestjs-active-session';
import type { Browser } from '../support/browser.js';
import { settle } from '../support/fake-clock.js';
import { until } from '../support/gate.js';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

afterEach(async () => {
  await closeApps();
  jest.restoreAllMocks();
});

@SessionScoped()
class Cart {
  readonly items: string[] = [];
  add(item: string): number {
    return this.items.push(item);
  }
}

const NEVER = '0 0 1 1 *';

describe('@nestjs/schedule', () => {
  it('runs a job of a singleton for the sessions that it enters', async () => {
    @Injectable()
    class Reminders {
      constructor(
        private readonly registry: ActiveSessionRegistry,
        private readonly cart: Cart,
      ) {}
      @Cron(NEVER, { name: 'remind' })
      remind(): void {
        for (const session of this.registry.all()) this.registry.run(session, () => this.cart.add(`for ${session.id}`));
      }
    }
    const app = await startScopedApp({ imports: [ScheduleModule.forRoot()], providers: [Cart, Reminders] });
    const [alice, bob] = [await app.user(), await app.user()];
    await app.app.get(SchedulerRegistry).getCronJob('remind').fireOnTick();
    for (const { run, session } of [alice, bob]) expect(run(() => app.get(Cart).items)).toEqual([`for ${session.id}`]);
  });

  it('finds a job of a scoped class; it belongs to no session, and each tick says so', async () => {
    const told: string[] = [];
    jest.spyOn(Logger.prototype, 'error').mockImplementation((message: unknown) => void told.push(String(message)));
    @SessionScoped()
    class Jobs {
      ticks = 0;
      @Cron(NEVER, { name: 'tick' })
      tick(): void {
        this.ticks++;
      }
    }
    const app = await startScopedApp({ imports: [ScheduleModule.forRoot()], providers: [Jobs] });
    const { run } = await app.user();
    const job = app.app.get(SchedulerRegistry).getCronJob('tick');
    await job.fireOnTick();
    await until(() => told.length > 0);
    expect(told.join()).toContain('Jobs.tick was used outside of an active session');
    await run(() => job.fireOnTick());
    expect(run(() => app.get(Jobs).ticks)).toBe(1);
  });
});

describe('@nestjs/event-emitter', () => {
  it("calls the listener of a scoped class in the session of whoever emits, and a singleton's, too", async () => {
    @SessionScoped()
    class Basket {
      readonly ordered: string[] = [];
      @OnEvent('ordered')
      onOrdered(item: string): void {
        this.ordered.push(item);
      }
    }
    @Injectable()
    class Warehouse {
      constructor(private readonly cart: Cart) {}
      @OnEvent('ordered')
      onOrdered(item: string): void {
        this.cart.add(`ordered ${item}`);
      }
    }
    const imports = [EventEmitterModule.forRoot()];
    const app = await startScopedApp({ imports, providers: [Cart, Basket, Warehouse] });
    const [alice, bob] = [await app.user(), await app.user()];
    await alice.run(() => app.app.get(EventEmitter2).emitAsync('ordered', 'apple'));
    await settle();
    expect(alice.run(() => [app.get(Basket).ordered, app.get(Cart).items])).toEqual([['apple'], ['ordered apple']]);
    expect(bob.run(() => [app.get(Basket).ordered, app.get(Cart).items])).toEqual([[], []]);
  });
});

describe('@nestjs/cqrs', () => {
  class AddItem {
    constructor(readonly item: string) {}
  }
  class CountItems {}
  class ItemAdded {
    constructor(readonly item: string) {}
  }

  @SessionScoped()
  @CommandHandler(AddItem)
  class AddItemHandler {
    calls = 0;
    constructor(
      private readonly cart: Cart,
      private readonly events: EventBus,
    ) {}
    execute({ item }: AddItem): Promise<number> {
      this.cart.add(item);
      this.events.publish(new ItemAdded(item));
      return Promise.resolve(++this.calls);
    }
  }
  @QueryHandler(CountItems)
  class CountItemsHandler {
    constructor(private readonly cart: Cart) {}
    execute(): Promise<number> {
      return Promise.resolve(this.cart.items.length);
    }
  }
  @SessionScoped()
  @EventsHandler(ItemAdded)
  class ItemAddedHandler {
    readonly seen: string[] = [];
    handle({ item }: ItemAdded): void {
      this.seen.push(item);
    }
  }

  it('asks handlers that are, and that inject, scoped classes in the session of whoever asks', async () => {
    const app = await startScopedApp({
      imports: [CqrsModule.forRoot()],
      providers: [Cart, AddItemHandler, CountItemsHandler, ItemAddedHandler],
    });
    const [commands, queries] = [app.app.get(CommandBus), app.app.get(QueryBus)];
    const [alice, bob] = [await app.user(), await app.user()];
    expect(await alice.run(() => commands.execute(new AddItem('apple')))).toBe(1);
    expect(await alice.run(() => commands.execute(new AddItem('pear')))).toBe(2);
    expect(await bob.run(() => commands.execute(new AddItem('plum')))).toBe(1);
    expect(await alice.run(() => queries.execute(new CountItems()))).toBe(2);
    expect(alice.run(() => app.get(ItemAddedHandler).seen)).toEqual(['apple', 'pear']);
    expect(bob.run(() => app.get(ItemAddedHandler).seen)).toEqual(['plum']);
  });
});

describe('passport', () => {
  it('a strategy that injects a scoped class finds that of the request', async () => {
    // Each application its own: passport's default one is for the whole process.
    const authenticator = new passport.Passport();
    @Injectable()
    class CartStrategy extends Strategy {
      constructor(cart: Cart) {
        super((name, _password, done) => done(null, { name, visits: cart.add(name) }));
        authenticator.use('cart', this);
      }
    }
    @Controller()
    class LoginController {}
    const app = await startScopedApp({ providers: [Cart, CartStrategy], controllers: [LoginController] });
    const [alice, bob] = [await app.user(), await app.user()];
    const login = (name: string): Promise<unknown> =>
      new Promise((resolve) => {
        const authenticate = authenticator.authenticate('cart', (_error: unknown, user: unknown) => resolve(user)) as (
          req: object,
        ) => void;
        authenticate({ body: { username: name, password: 'x' } });
      });
    expect(await alice.run(() => login('Alice'))).toEqual({ name: 'Alice', visits: 1 });
    expect(await alice.run(() => login('Alice'))).toEqual({ name: 'Alice', visits: 2 });
    expect(await bob.run(() => login('Bob'))).toEqual({ name: 'Bob', visits: 1 });
  });
});

describe('nestjs-cls', () => {
  it('has its own context beside: both work in a request, and background work holds nothing of the request', async () => {
    @SessionScoped()
    class Visits {
      readonly tenants: unknown[] = [];
      constructor(private readonly cls: ClsService) {}
      visit(): unknown[] {
        this.tenants.push(this.cls.get('tenant'));
        return this.tenants;
      }
    }
    @Controller('visit')
    class VisitController {
      constructor(
        private readonly visits: Visits,
        private readonly cls: ClsService,
        private readonly session: ActiveSession,
      ) {}
      @Get()
      async visit(): Promise<unknown> {
        await settle(1);
        const inRunner: unknown = await this.session
          .createProcessRunner(async () => {
            await settle(1);
            return [this.cls.isActive(), this.visits.tenants.length];
          })
          .getRequired()
          .then(({ result }) => result);
        return { tenants: this.visits.visit(), inRunner, own: this.cls.get<unknown>('tenant') };
      }
    }
    const setup = (cls: ClsService, req: { headers: Record<string, string> }): void =>
      cls.set('tenant', req.headers['x-tenant']);
    const app = await startScopedApp({
      imports: [ClsModule.forRoot({ global: true, middleware: { mount: true, setup } })],
      providers: [Visits],
      controllers: [VisitController],
    });
    const visit = async (browser: Browser, tenant: string): Promise<object> =>
      (await browser.get('/visit', { headers: { 'x-tenant': tenant } })).body as object;
    const [alice, bob] = [app.browser(), app.browser()];
    expect(await visit(alice, 'a')).toEqual({ tenants: ['a'], inRunner: [false, 0], own: 'a' });
    expect(await visit(bob, 'b')).toEqual({ tenants: ['b'], inRunner: [false, 0], own: 'b' });
    expect(await visit(alice, 'c')).toEqual({ tenants: ['a', 'c'], inRunner: [false, 1], own: 'c' });
  });
});

describe('@nestjs/websockets', () => {
  /** Runs each message of a socket in the session that the socket was opened for. */
  class SessionWsAdapter extends WsAdapter {
    constructor(
      app: INestApplication,
      private readonly registry: ActiveSessionRegistry,
    ) {
      super(app);
    }
    private readonly sessions = new WeakMap<object, ActiveSession | undefined>();
    override bindClientConnect(server: WebSocketServer, callback: (...args: unknown[]) => void): void {
      server.on('connection', (socket, request) => {
        this.sessions.set(
          socket,
          this.registry.get(new URL(request.url ?? '', 'ws://host').searchParams.get('id') ?? ''),
        );
        callback(socket, request);
      });
    }
    override bindMessageHandlers(
      socket: WebSocket,
      handlers: { message: string; callback: (...args: unknown[]) => unknown }[],
      transform: (data: unknown) => Observable<unknown>,
    ): void {
      const session = this.sessions.get(socket);
      const inItsSession = handlers.map(({ callback, ...handler }) => ({
        ...handler,
        callback: (...args: unknown[]) =>
          session === undefined ? callback(...args) : this.registry.run(session, () => callback(...args)),
      }));
      super.bindMessageHandlers(socket, inItsSession as never, transform);
    }
  }

  const failures: unknown[] = [];
  const keepFailures: ExceptionFilter = { catch: (error) => void failures.push(error) };

  @WebSocketGateway()
  class CartGateway {
    calls = 0;
    constructor(private readonly cart: Cart) {}
    @UseFilters(keepFailures)
    @SubscribeMessage('add')
    add(@MessageBody() item: string): object {
      return { event: 'added', data: [++this.calls, this.cart.add(item)] };
    }
  }
  @SessionScoped()
  @WebSocketGateway()
  class ScopedCartGateway extends CartGateway {}

  it.each([
    { Gateway: CartGateway, itsCalls: [1, 2, 3] },
    { Gateway: ScopedCartGateway, itsCalls: [1, 1, 2] },
  ])('finds the handlers of $Gateway.name, and calls them in a session', async ({ Gateway, itsCalls }) => {
    const app = await startScopedApp(
      { providers: [Cart, Gateway] },
      { configure: (nest) => nest.useWebSocketAdapter(new SessionWsAdapter(nest, nest.get(ActiveSessionRegistry))) },
    );
    const send = async (id: string, item: string): Promise<WebSocket> => {
      const socket = new WebSocket(`${app.url.replace('http', 'ws')}/?id=${id}`);
      await once(socket, 'open');
      socket.send(JSON.stringify({ event: 'add', data: item }));
      return socket;
    };
    const add = async ({ id }: ActiveSession, item: string): Promise<unknown> => {
      const socket = await send(id, item);
      const [message] = (await once(socket, 'message')) as [Buffer];
      socket.close();
      return JSON.parse(message.toString());
    };
    const [alice, bob] = [await app.user(), await app.user()];
    const answers = [
      await add(alice.session, 'apple'),
      await add(bob.session, 'pear'),
      await add(alice.session, 'plum'),
    ];
    expect(answers).toEqual([1, 1, 2].map((items, i) => ({ event: 'added', data: [itsCalls[i], items] })));
    expect(alice.run(() => app.get(Cart).items)).toEqual(['apple', 'plum']);
    const socket = await send('nobody', 'plum');
    await until(() => failures.length > 0);
    expect(failures.splice(0)).toEqual([expect.any(NotInSessionError)]);
    socket.close();
  });
});
