import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Logger,
  Module,
  Optional,
  Scope,
  type MiddlewareConsumer,
  type NestMiddleware,
  type Provider,
} from '@nestjs/common';
import { INQUIRER, ModuleRef } from '@nestjs/core';
import { GroupScoped, SessionScoped } from 'nestjs-active-session';
import { settle } from '../support/fake-clock.js';
import { Gate, until } from '../support/gate.js';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

afterEach(closeApps);

const TRANSIENT = { scope: Scope.TRANSIENT };

describe('A transient dependency of a session-scoped class', () => {
  @Injectable(TRANSIENT)
  class Buffer {
    readonly lines: string[] = [];
  }
  @SessionScoped()
  class Log {
    @Inject() readonly inProperty!: Buffer;
    constructor(
      readonly buffer: Buffer,
      @Inject(Buffer) readonly sameBuffer: Buffer,
    ) {}
    write(line: string): string[] {
      this.buffer.lines.push(line);
      return this.buffer.lines;
    }
  }
  @SessionScoped()
  class OtherLog {
    constructor(readonly buffer: Buffer) {}
  }

  it('is made for each session, and shared by nobody', async () => {
    const app = await startScopedApp({ providers: [Buffer, Log, OtherLog] });
    const [alice, bob] = [await app.user(), await app.user()];
    expect(alice.run(() => app.get(Log).write('a'))).toEqual(['a']);
    expect(bob.run(() => app.get(Log).write('b'))).toEqual(['b']);
    expect(alice.run(() => app.get(Log).write('c'))).toEqual(['a', 'c']);
    expect(alice.session.services.get(OtherLog).buffer.lines).toEqual([]);
  });

  it('is one object for one consumer, as in Nest, however often it asks', async () => {
    const app = await startScopedApp({ providers: [Buffer, Log] });
    const { session } = await app.user();
    const log = session.services.get(Log);
    expect(log.sameBuffer).toBe(log.buffer);
    expect(log.inProperty).toBe(log.buffer);
    expect(log.buffer).toBeInstanceOf(Buffer);
  });

  it('is made for each session also where the module is compiled only, or an alias stands for it', async () => {
    @SessionScoped()
    class ByAlias {
      constructor(@Inject('ALIAS') readonly buffer: Buffer) {}
    }
    const app = await startScopedApp({
      providers: [Buffer, ByAlias, { provide: 'ALIAS', useExisting: Buffer }],
    });
    const [alice, bob] = [await app.user(), await app.user()];
    const buffers = [alice, bob].map(({ session }) => session.services.get(ByAlias).buffer);
    expect(buffers[0]).toBeInstanceOf(Buffer);
    expect(buffers[0]).not.toBe(buffers[1]);
  });

  it("gets this session's own objects, singletons, and transient dependencies of its own", async () => {
    @Injectable()
    class Clock {}
    @SessionScoped()
    class Account {}
    @Injectable(TRANSIENT)
    class Deep {
      constructor(readonly account: Account) {}
    }
    @Injectable(TRANSIENT)
    class Middle {
      @Inject(Clock) readonly clock!: Clock;
      constructor(
        readonly deep: Deep,
        readonly account: Account,
        @Optional() @Inject('MISSING') readonly missing?: unknown,
      ) {}
    }
    @SessionScoped()
    class Top {
      constructor(
        readonly middle: Middle,
        readonly deep: Deep,
      ) {}
    }
    const app = await startScopedApp({ providers: [Clock, Account, Deep, Middle, Top] });
    const { session } = await app.user();
    const { middle, deep } = session.services.get(Top);
    const account = session.services.get(Account);
    expect([middle.account, middle.deep.account, deep.account].every((each) => each === account)).toBe(true);
    expect(middle.deep).not.toBe(deep);
    expect(middle.clock).toBe(app.get(Clock));
    expect(middle.missing).toBeUndefined();
  });

  it('knows who wants it', async () => {
    @Injectable(TRANSIENT)
    class Named {
      readonly owner: string | undefined;
      constructor(@Inject(INQUIRER) inquirer?: object) {
        this.owner = inquirer?.constructor.name;
      }
    }
    @Injectable(TRANSIENT)
    class Outer {
      constructor(
        readonly named: Named,
        @Inject(INQUIRER) readonly inquirer: object,
      ) {}
    }
    @SessionScoped()
    class Cart {
      constructor(
        readonly named: Named,
        readonly outer: Outer,
      ) {}
    }
    const app = await startScopedApp({ providers: [Named, Outer, Cart] });
    const cart = (await app.user()).session.services.get(Cart);
    expect(cart.named.owner).toBe('Cart');
    expect(cart.outer.named.owner).toBe('Outer');
    expect(cart.outer.inquirer.constructor).toBe(Cart);
  });

  it('knows who wants it also in a property, in a factory, and where its class has no types', async () => {
    @Injectable(TRANSIENT)
    class ByProperty {
      @Inject(INQUIRER) readonly owner!: object;
      @Optional() @Inject('MISSING') readonly preset = 'kept';
    }
    class Untyped {
      constructor(readonly owner: object) {}
    }
    Injectable(TRANSIENT)(Untyped);
    Inject(INQUIRER)(Untyped, undefined, 0);
    const factory = {
      provide: 'MADE',
      scope: Scope.TRANSIENT,
      inject: [{ token: INQUIRER, optional: true }],
      useFactory: (owner: object) => ({ owner }),
    };
    @SessionScoped()
    class Cart {
      constructor(
        readonly byProperty: ByProperty,
        readonly untyped: Untyped,
        @Inject('MADE') readonly made: { owner: object },
      ) {}
    }
    const app = await startScopedApp({ providers: [ByProperty, Untyped, factory, Cart] });
    const { byProperty, untyped, made } = (await app.user()).session.services.get(Cart);
    expect([byProperty, untyped, made].map(({ owner }) => owner.constructor)).toEqual([Cart, Cart, Cart]);
    expect(byProperty.preset).toBe('kept');
  });

  it('is refused below what ModuleRef.create() makes: all sessions would share it', async () => {
    @Injectable()
    class Creator {
      constructor(readonly moduleRef: ModuleRef) {}
    }
    @SessionScoped()
    class Note {
      constructor(@Inject('TEXT') readonly text: object) {}
    }
    @Module({ providers: [{ provide: 'TEXT', useClass: Buffer, scope: Scope.TRANSIENT }] })
    class OtherModule {}
    const own = { lines: [] };
    const app = await startScopedApp({
      imports: [OtherModule],
      providers: [Buffer, Creator, { provide: 'TEXT', useValue: own }],
    });
    const { moduleRef } = app.get(Creator);
    const [log, note] = [await moduleRef.create(Log), await moduleRef.create(Note)];
    const { run } = await app.user();
    expect(() => run(() => log.write('x'))).toThrow(
      'Log was made by ModuleRef.create(): all sessions would share its transient Buffer. Use session.services.create(Log)',
    );
    // Another module's transient provider of the same name is not in the way.
    expect(run(() => note.text)).toBe(own);
  });

  it('ends at once where its consumer cannot be made', async () => {
    const told: string[] = [];
    let tries = 0;
    @Injectable(TRANSIENT)
    class Connection {
      readonly number = ++tries;
      onSessionEnd(): void {
        told.push('the session has not ended');
      }
      onModuleDestroy(): void {
        told.push(`end ${this.number}`);
        if (this.number === 2) throw new Error('stuck');
      }
    }
    @SessionScoped()
    class Repository {
      constructor(readonly connection: Connection) {
        if (connection.number < 3) throw new Error('not yet');
      }
    }
    const errors = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    const app = await startScopedApp({ providers: [Connection, Repository] });
    tries = 0;
    const { session } = await app.user();
    for (let i = 0; i < 2; i++) expect(() => session.services.get(Repository)).toThrow('not yet');
    expect(told).toEqual(['end 1', 'end 2']);
    expect(session.services.get(Repository).connection.number).toBe(3);
    await settle();
    expect(errors.mock.calls.map(([message]) => message as string)).toEqual([
      'Connection.onModuleDestroy(), ended because what needed it could not be made: stuck',
    ]);
    errors.mockRestore();
    expect(await session.terminate()).toMatchObject({ disposed: 2 });
    expect(told).toEqual(['end 1', 'end 2', 'the session has not ended', 'end 3']);
  });

  it('ends at once also where what is made beside it fails first', async () => {
    const told: string[] = [];
    let isArmed = false;
    const pool = (name: string, turns: number): Provider => ({
      provide: name,
      scope: Scope.TRANSIENT,
      useFactory: async () => {
        await settle(turns);
        if (isArmed && name === 'FAILS') throw new Error('no connection');
        return { onModuleDestroy: () => told.push(`end ${name}`) };
      },
    });
    @SessionScoped()
    class Both {
      constructor(@Inject('FIRST') first: object, @Inject('FAILS') fails: object, @Inject('LATE') late: object) {
        told.push(typeof first, typeof fails, typeof late);
      }
    }
    const app = await startScopedApp(
      { providers: [pool('FIRST', 1), pool('FAILS', 3), pool('LATE', 6), Both] },
      { options: { preload: false } },
    );
    isArmed = true;
    told.length = 0;
    const { session } = await app.user();
    await expect(session.services.resolve(Both)).rejects.toThrow('no connection');
    expect(told).toEqual(['end FIRST']);
    await settle(10);
    expect(told).toEqual(['end FIRST', 'end LATE']);
    expect(await session.terminate()).toMatchObject({ disposed: 0 });
  });

  it('ends also where it comes after a failure beside it, and after the session', async () => {
    const gate = new Gate();
    const told: string[] = [];
    let isArmed = false;
    const late = {
      provide: 'LATE',
      scope: Scope.TRANSIENT,
      useFactory: async () => {
        if (isArmed) await gate.opened;
        return { onModuleDestroy: () => told.push('late') };
      },
    };
    @SessionScoped()
    class Never {
      constructor() {
        if (isArmed) throw new Error('never');
      }
    }
    @SessionScoped()
    class Both {
      constructor(
        @Inject('LATE') readonly late: object,
        readonly never: Never,
      ) {}
    }
    const app = await startScopedApp({ providers: [late, Never, Both] }, { options: { preload: false } });
    isArmed = true;
    const { session } = await app.user();
    await expect(session.services.resolve(Both)).rejects.toThrow('never');
    await session.terminate();
    gate.open();
    await until(() => told.length > 0);
    expect(told).toEqual(['late']);
  });

  it('that takes long to end after a failure keeps no request waiting; the end of the session waits for it', async () => {
    const gate = new Gate();
    const told: string[] = [];
    let isArmed = false;
    @SessionScoped()
    class Db {
      onModuleDestroy(): void {
        told.push('db closed');
      }
    }
    @Injectable(TRANSIENT)
    class Connection {
      constructor(readonly db: Db) {}
      async onModuleDestroy(): Promise<void> {
        await gate.opened;
        told.push('connection ended');
      }
    }
    @SessionScoped()
    class Repository {
      constructor(readonly connection: Connection) {
        if (isArmed) throw new Error('no');
      }
      async onModuleInit(): Promise<void> {
        await Promise.resolve();
      }
    }
    const app = await startScopedApp({ providers: [Db, Connection, Repository] }, { options: { preload: false } });
    isArmed = true;
    const { session } = await app.user();
    await expect(session.services.resolve(Repository)).rejects.toThrow('no');
    const ending = session.terminate();
    gate.open();
    expect(await ending).toMatchObject({ failed: [], timedOut: [] });
    expect(told).toEqual(['connection ended', 'db closed']);
  });

  it("below one that services.resolve() makes ends at once, too, where that fails; else it is the caller's", async () => {
    const told: string[] = [];
    let isArmed = false;
    @Injectable(TRANSIENT)
    class Connection {
      onModuleDestroy(): void {
        told.push('connection');
      }
    }
    @Injectable(TRANSIENT)
    class Repository {
      constructor(readonly connection: Connection) {
        if (isArmed) throw new Error('no');
      }
    }
    const app = await startScopedApp({ providers: [Connection, Repository] });
    const { session } = await app.user();
    expect((await session.services.resolve(Repository)).connection).toBeInstanceOf(Connection);
    isArmed = true;
    await expect(session.services.resolve(Repository)).rejects.toThrow('no');
    expect(told).toEqual(['connection']);
  });

  it('is not made by code of a group where it wants something of a session', async () => {
    @SessionScoped()
    class Cart {}
    @Injectable(TRANSIENT)
    class Pen {
      constructor(readonly cart: Cart) {}
    }
    const app = await startScopedApp({ providers: [Cart, Pen] });
    const { session } = await app.user();
    await expect(session.group.services.resolve(Pen)).rejects.toThrow(
      'Pen -> (session-scoped) Cart: a group has several sessions. Use session.services.',
    );
  });

  it('may come from a factory, and may be anything', async () => {
    let made = 0;
    @SessionScoped()
    class Cart {
      constructor(@Inject('ID') readonly id: string) {}
    }
    const app = await startScopedApp({
      providers: [
        Cart,
        { provide: 'SEED', useValue: 'id' },
        { provide: 'ID', scope: Scope.TRANSIENT, inject: ['SEED'], useFactory: (seed: string) => `${seed} ${++made}` },
      ],
    });
    made = 0;
    const [alice, bob] = [await app.user(), await app.user()];
    expect([alice, bob].map(({ session }) => session.services.get(Cart).id)).toEqual(['id 1', 'id 2']);
    await expect(alice.session.services.resolve('ID')).resolves.toBe('id 3');
  });

  it('is initialised, and ends after its consumer, with its session', async () => {
    const told: string[] = [];
    @Injectable(TRANSIENT)
    class Connection {
      onModuleInit(): void {
        told.push('init connection');
      }
      onModuleDestroy(): void {
        told.push('end connection');
      }
    }
    @SessionScoped()
    class Repository {
      constructor(readonly connection: Connection) {
        told.push('repository');
      }
      onModuleDestroy(): void {
        told.push('end repository');
      }
    }
    const app = await startScopedApp({ providers: [Connection, Repository] });
    told.length = 0;
    const { session } = await app.user();
    session.services.get(Repository);
    expect(told).toEqual(['init connection', 'repository']);
    const { disposed } = await session.terminate();
    expect(disposed).toBe(2);
    expect(told).toEqual(['init connection', 'repository', 'end repository', 'end connection']);
  });

  it('of a group-scoped class is one for the group', async () => {
    @GroupScoped()
    class Household {
      constructor(readonly buffer: Buffer) {}
    }
    const app = await startScopedApp({ providers: [Buffer, Household] });
    const alice = await app.user();
    const tab = await alice.tab('other');
    const bob = await app.user();
    const [first, second, third] = [alice, tab, bob].map(({ session }) => session.services.get(Household).buffer);
    expect(first).toBe(second);
    expect(first).not.toBe(third);
  });

  it('that is replaced by a value in a test is that value', async () => {
    const fake = { lines: ['fake'] };
    const app = await startScopedApp(
      { providers: [Buffer, OtherLog] },
      { override: (builder) => builder.overrideProvider(Buffer).useValue(fake) },
    );
    expect((await app.user()).session.services.get(OtherLog).buffer).toBe(fake);
  });

  it('is made for each session below scoped middleware, too', async () => {
    @SessionScoped()
    class Tracing implements NestMiddleware {
      constructor(readonly buffer: Buffer) {}
      use(req: { url: string }, res: { end(text: string): void }): void {
        this.buffer.lines.push(req.url);
        res.end(String(this.buffer.lines.length));
      }
    }
    @Controller('traced')
    class TracedController {
      @Get()
      get(): string {
        return 'not reached';
      }
    }
    @Module({ providers: [Buffer], controllers: [TracedController] })
    class TracedModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(Tracing).forRoutes(TracedController);
      }
    }
    const app = await startScopedApp({ imports: [TracedModule] });
    const [alice, bob] = [app.browser(), app.browser()];
    expect((await alice.get('/traced')).text).toBe('1');
    expect((await alice.get('/traced')).text).toBe('2');
    expect((await bob.get('/traced')).text).toBe('1');
  });

  it('of a singleton belongs to the singleton, as in Nest', async () => {
    @Injectable()
    class Shared {
      constructor(readonly buffer: Buffer) {}
    }
    @SessionScoped()
    class Cart {
      constructor(readonly shared: Shared) {}
    }
    const app = await startScopedApp({ providers: [Buffer, Shared, Cart] });
    const [alice, bob] = [await app.user(), await app.user()];
    expect(alice.session.services.get(Cart).shared.buffer).toBe(bob.session.services.get(Cart).shared.buffer);
  });
});
