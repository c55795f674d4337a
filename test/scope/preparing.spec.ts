import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  Controller,
  forwardRef,
  Get,
  Inject,
  Injectable,
  Logger,
  Module,
  Req,
  Scope,
  type Provider,
} from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import {
  ActiveSession,
  ActiveSessionGroup,
  GroupScoped,
  PreparationFailedError,
  refreshActiveSession,
  ScopeMisuseError,
  SessionEndedError,
  sessionScoped,
  SessionScoped,
  type ActiveSessionModuleOptions,
} from 'nestjs-active-session';
import { FakeClock, settle } from '../support/fake-clock.js';
import { Gate, until } from '../support/gate.js';
import { closeApps } from '../support/test-app.js';
import { startScopedApp, type ScopedApp } from './scoped-app.js';

interface Index {
  words: string[];
  name?: string;
}

/** What the factory of INDEX does next. */
let load: () => Promise<Index>;
let loads = 0;
const ended: string[] = [];

const indexProvider = sessionScoped({
  provide: 'INDEX',
  useFactory: async () => {
    loads++;
    await Promise.resolve();
    return load();
  },
  dispose: ({ name }) => ended.push(`index ${name ?? ''}`),
});

@Controller('index')
class IndexController {
  constructor(
    @Inject('INDEX') private readonly index: Index,
    private readonly session: ActiveSession,
  ) {}
  @Get()
  words(): string[] {
    return this.index.words;
  }
  @Get('resolve')
  async resolve(): Promise<string[]> {
    return (await this.session.services.resolve<Index>('INDEX')).words;
  }
}

const metadata = { providers: [indexProvider], controllers: [IndexController] };
const start = (options: ActiveSessionModuleOptions = {}): Promise<ScopedApp> => startScopedApp(metadata, { options });

let logged: unknown[][];

beforeEach(() => {
  loads = 0;
  ended.length = 0;
  load = () => Promise.resolve({ words: ['ready'] });
});

afterEach(async () => {
  await closeApps();
  jest.restoreAllMocks();
});

function watchLog(): void {
  logged = [];
  jest.spyOn(Logger.prototype, 'error').mockImplementation((...args: unknown[]) => void logged.push(args));
}

describe('An asynchronous factory', () => {
  it('has made its object before the handler runs, once for each session', async () => {
    const app = await start();
    const [alice, bob] = [app.browser(), app.browser()];
    for (let i = 0; i < 2; i++)
      for (const browser of [alice, bob]) expect((await browser.get('/index')).body).toEqual(['ready']);
    expect(loads).toBe(2);
    expect(app.registry.stats().sessions).toBe(2);
  });

  it('is waited for by all requests of its session that come meanwhile, and runs once', async () => {
    const app = await start();
    const gate = new Gate();
    const browser = app.browser();
    await browser.get('/session');
    await app.registry.all()[0]?.terminate();
    load = async () => {
      await gate.opened;
      return { words: ['late'] };
    };
    loads = 0;
    const answers = Promise.all([browser.get('/index'), browser.get('/index'), browser.get('/session')]);
    await until(() => app.registry.stats().pinned === 1 && loads === 1);
    await settle();
    expect(app.registry.stats().sessions).toBe(1);
    gate.open();
    expect((await answers).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(loads).toBe(1);
  });

  it('that fails answers 500, with its name in the log and nothing of it for the client; the next request tries again', async () => {
    watchLog();
    const app = await start();
    load = () => Promise.reject(new Error('the disk is full'));
    const browser = app.browser();
    const failed = await browser.get('/index');
    expect(failed.status).toBe(500);
    expect(failed.text).not.toMatch(/disk|INDEX/);
    expect(failed.body).toMatchObject({ code: 'PREPARATION_FAILED' });
    expect(logged).toEqual([
      ['INDEX could not be prepared: the disk is full', expect.stringMatching(/^Error: the disk is full\n +at /)],
    ]);
    load = () => Promise.resolve({ words: ['better'] });
    expect((await browser.get('/index')).body).toEqual(['better']);
    expect(loads).toBe(2);
    expect(app.registry.stats().sessions).toBe(1);
  });

  it('with `preload: false` is awaited with services.resolve(), and using its object before is an error that says so', async () => {
    const app = await start({ preload: false });
    const { browser, session, run } = await app.user();
    expect(loads).toBe(0);
    const use = (): string[] => run(() => app.get<Index>('INDEX').words);
    expect(use).toThrow(ScopeMisuseError);
    expect(use).toThrow(
      /INDEX is made asynchronously and is not ready yet\. A request prepares it .*"preload" is false\. .*services\.resolve/,
    );
    expect(run(() => String(app.get('INDEX')))).toBe('[object Object]');
    expect(() => session.services.get('INDEX')).toThrow(/not ready yet/);
    expect((await browser.get('/index/resolve')).body).toEqual(['ready']);
    expect(use()).toEqual(['ready']);
    expect((await browser.get('/index')).body).toEqual(['ready']);
    expect(loads).toBe(1);
  });

  it('of the next generation in the same request is awaited with services.resolve()', async () => {
    @Controller('renew')
    class RenewController {
      constructor(
        @Inject('INDEX') private readonly index: Index,
        private readonly session: ActiveSession,
      ) {}
      @Get()
      async renew(@Req() req: object): Promise<unknown> {
        await this.session.terminate();
        const { generation, services } = refreshActiveSession(req);
        const { words } = await services.resolve<Index>('INDEX');
        return { generation, words, injected: this.index.words };
      }
    }
    const app = await startScopedApp({ ...metadata, controllers: [RenewController] });
    const { body } = await app.browser().get('/renew');
    expect(body).toEqual({ generation: 2, words: ['ready'], injected: ['ready'] });
  });

  it('makes no session where a request can have none', async () => {
    const app = await start({ sessions: { path: '/index' } });
    expect((await app.browser().get('/nowhere')).status).toBe(404);
    expect(loads).toBe(0);
    expect((await app.browser().get('/index')).status).toBe(200);
    expect(loads).toBe(1);
  });

  it('is not known to be one where it merely returns a promise: its first use says so, and nothing is lost', async () => {
    const plain = sessionScoped({ provide: 'PLAIN', useFactory: () => load(), dispose: () => ended.push('plain') });
    const app = await startScopedApp({ providers: [plain] });
    const { session, run } = await app.user();
    const use = (): string[] => run(() => app.get<Index>('PLAIN').words);
    expect(use).toThrow(
      /PLAIN is made asynchronously and is not ready yet\. It was not prepared: .*With "prepare: true"/,
    );
    await settle();
    expect(use()).toEqual(['ready']);
    await session.terminate();
    expect(ended).toEqual(['plain']);
  });

  it('that merely returns a promise, and fails, is told of in the log', async () => {
    watchLog();
    load = () => Promise.reject(new Error('the disk is full'));
    const app = await startScopedApp({ providers: [sessionScoped({ provide: 'PLAIN', useFactory: () => load() })] });
    const { run } = await app.user();
    expect(() => run(() => app.get<Index>('PLAIN').words)).toThrow(/is not ready yet/);
    await settle();
    expect(logged).toEqual([['The making of PLAIN: the disk is full', expect.stringMatching(/^Error: the disk/)]]);
  });

  it('cannot wait for itself, also not through others', async () => {
    const waiting = (provide: string, wanted: string): Provider =>
      sessionScoped({
        provide,
        inject: [ActiveSession],
        useFactory: async ({ services }: ActiveSession) => ({ wanted: await services.resolve(wanted) }),
      });
    const app = await startScopedApp(
      { providers: [waiting('OWN', 'OWN'), waiting('A', 'B'), waiting('B', 'C'), waiting('C', 'A')] },
      { options: { preload: false } },
    );
    const { session } = await app.user();
    await expect(session.services.resolve('OWN')).rejects.toThrow(/^OWN -> OWN: each waits for the next/);
    const both = await Promise.allSettled([session.services.resolve('A'), session.services.resolve('C')]);
    expect(both.map((result) => result.status === 'rejected' && String(result.reason))).toEqual([
      expect.stringMatching(/: (B -> C -> A -> B|A -> B -> C -> A|C -> A -> B -> C): each waits/),
      expect.stringMatching(/: (B -> C -> A -> B|A -> B -> C -> A|C -> A -> B -> C): each waits/),
    ]);
  });

  it('cannot wait for itself by a transient provider that is resolved, and by a group', async () => {
    @GroupScoped()
    class Household {
      constructor(private readonly group: ActiveSessionGroup) {}
      async onModuleInit(): Promise<void> {
        for (const { services } of this.group.sessions.values()) await services.resolve('B');
      }
    }
    const app = await startScopedApp(
      {
        providers: [
          Household,
          sessionScoped({ provide: 'B', inject: [Household], useFactory: async () => Promise.resolve({}) }),
          sessionScoped({
            provide: 'A',
            inject: [ActiveSession],
            useFactory: async ({ services }: ActiveSession) => ({ made: await services.resolve('T') }),
          }),
          {
            provide: 'T',
            scope: Scope.TRANSIENT,
            inject: [ActiveSession],
            useFactory: async (session: ActiveSession) =>
              session.isAvailable ? { made: await session.services.resolve('A') } : {},
          },
        ],
      },
      { options: { preload: false } },
    );
    const { session } = await app.user();
    await expect(session.services.resolve('A')).rejects.toThrow(/^A -> A: each waits for the next/);
    await expect(session.services.resolve('B')).rejects.toThrow(/^(B -> Household -> B|Household -> B -> Household): /);
  });

  it('finds out fast that it would, however many wait', async () => {
    const count = 40;
    const gate = new Gate();
    const many = Array.from({ length: count }, (_, number) =>
      sessionScoped({
        provide: `P${number}`,
        inject: [ActiveSession],
        useFactory: async ({ services }: ActiveSession) => {
          if (number === 0) await gate.opened;
          return Promise.all(Array.from({ length: number }, (_each, before) => services.resolve(`P${before}`)));
        },
      }),
    );
    const app = await startScopedApp({ providers: many }, { options: { preload: false } });
    const { session } = await app.user();
    const last = session.services.resolve(`P${count - 1}`);
    await settle();
    gate.open();
    expect(await last).toHaveLength(count - 1);
  });

  it('that is asked for by get() while resolve() begins is there once, for both, and ends', async () => {
    const gate = new Gate();
    load = async () => {
      await gate.opened;
      return { words: ['ready'] };
    };
    const plain = sessionScoped({ provide: 'PLAIN', useFactory: () => load(), dispose: () => ended.push('plain') });
    const app = await startScopedApp({ providers: [plain] });
    const { session } = await app.user();
    const resolving = session.services.resolve<Index>('PLAIN');
    expect(() => session.services.get('PLAIN')).toThrow(/not ready yet/);
    gate.open();
    expect((await resolving).words).toEqual(['ready']);
    expect(session.services.get('PLAIN')).toBe(await resolving);
    await session.terminate();
    expect(ended).toEqual(['plain']);
  });

  it('is awaited beneath what services.resolve() makes, also with `prepare: false`, and where it is being made', async () => {
    const gate = new Gate();
    load = async () => {
      await gate.opened;
      return { words: [] };
    };
    const app = await startScopedApp({
      providers: [
        sessionScoped({ provide: 'LAZY', prepare: false, useFactory: async () => load() }),
        sessionScoped({ provide: 'PLAIN', useFactory: () => load() }),
        sessionScoped({ provide: 'BOTH', inject: ['LAZY', 'PLAIN'], useFactory: (...both: unknown[]) => ({ both }) }),
      ],
    });
    const { session } = await app.user();
    expect(() => session.services.get('LAZY')).toThrow(/It was not prepared: its option "prepare" is false/);
    expect(() => session.services.get('PLAIN')).toThrow(/not ready yet/);
    const both = session.services.resolve<{ both: unknown[] }>('BOTH');
    gate.open();
    expect((await both).both).toEqual([{ words: [] }, { words: [] }]);
  });

  it("that meets another session's end answers 500: its own session goes on", async () => {
    watchLog();
    const app = await start();
    load = () => Promise.reject(new SessionEndedError('idle', 'Another session'));
    expect((await app.browser().get('/index')).status).toBe(500);
    expect(logged).toHaveLength(1);
  });

  it('is not handed out before it is there: what is made for it afterwards would outlive it', async () => {
    const gate = new Gate();
    load = async () => {
      await gate.opened;
      return { words: ['ready'] };
    };
    @SessionScoped()
    class Search {
      constructor(@Inject('INDEX') readonly index: Index) {}
      onModuleDestroy(): void {
        ended.push('search');
      }
    }
    const app = await startScopedApp({ providers: [indexProvider, Search] }, { options: { preload: false } });
    const { session } = await app.user();
    const index = session.services.resolve('INDEX');
    await until(() => loads === 1);
    expect(() => session.services.get(Search)).toThrow(/INDEX is made asynchronously and is not ready yet/);
    gate.open();
    await index;
    expect(session.services.get(Search).index.words).toEqual(['ready']);
    await session.terminate();
    expect(ended).toEqual(['search', 'index ']);
  });

  it('that merely returns a promise is prepared with `prepare: true`, and one with `prepare: false` is not', async () => {
    const app = await startScopedApp({
      providers: [
        sessionScoped({ provide: 'PLAIN', useFactory: () => load(), prepare: true }),
        sessionScoped({ provide: 'LAZY', useFactory: async () => Promise.reject(new Error('never')), prepare: false }),
      ],
    });
    const { run } = await app.user();
    expect(run(() => app.get<Index>('PLAIN').words)).toEqual(['ready']);
  });
});

describe('What else is prepared', () => {
  const told: string[] = [];
  const tell = async (what: string): Promise<void> => {
    await settle(1);
    told.push(what);
  };

  it('an asynchronous onModuleInit() of a scoped class, after those of what it depends on, in the session', async () => {
    told.length = 0;
    @GroupScoped()
    class Household {
      async onModuleInit(): Promise<void> {
        await tell('household');
      }
    }
    @SessionScoped()
    class Between {
      constructor(readonly household: Household) {}
    }
    @SessionScoped()
    class Account {
      name = '';
      constructor(
        readonly between: Between,
        private readonly session: ActiveSession,
      ) {}
      async onModuleInit(): Promise<void> {
        await tell('account');
        this.name = this.session.id;
      }
    }
    const app = await startScopedApp({ providers: [Household, Between, Account] });
    const alice = await app.user();
    expect(told).toEqual(['household', 'account']);
    expect(alice.run(() => app.get(Account).name)).toBe(alice.session.id);
    const tab = await alice.tab('second');
    expect(told).toEqual(['household', 'account', 'account']);
    expect(tab.run(() => app.get(Account).name)).toBe(tab.session.id);
  });

  it('and a synchronous onModuleInit() is called when the object is made', async () => {
    @SessionScoped()
    class Cart {
      readonly items: string[] = [];
      @Inject('START') start!: string;
      onModuleInit(): void {
        this.items.push(this.start);
      }
    }
    const app = await startScopedApp({ providers: [Cart, { provide: 'START', useValue: 'apple' }] });
    expect((await app.user()).run(() => app.get(Cart).items)).toEqual(['apple']);
  });

  it('an onModuleInit() that throws lets the next use try again, and its object has no hooks called', async () => {
    let tries = 0;
    @SessionScoped()
    class Cart {
      readonly items: string[] = [];
      onModuleInit(): void {
        if (++tries === 1) throw new Error('not yet');
      }
      onModuleDestroy(): void {
        told.push('cart');
      }
    }
    const app = await startScopedApp({ providers: [Cart] });
    const { run, session } = await app.user();
    const use = (): string[] => run(() => app.get(Cart).items);
    expect(use).toThrow('not yet');
    expect(use()).toEqual([]);
    told.length = 0;
    await session.terminate();
    expect(told).toEqual(['cart']);
  });

  it('what depends on an asynchronous transient provider', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Connection {
      isOpen = false;
      async onModuleInit(): Promise<void> {
        await settle(1);
        this.isOpen = true;
      }
    }
    @SessionScoped()
    class Repository {
      constructor(
        readonly connection: Connection,
        @Inject('TICKET') readonly ticket: { number: number },
      ) {}
    }
    let tickets = 0;
    const ticket = {
      provide: 'TICKET',
      scope: Scope.TRANSIENT,
      useFactory: async () => Promise.resolve({ number: ++tickets }),
    };
    const app = await startScopedApp({ providers: [Connection, Repository, ticket] });
    tickets = 0;
    const [alice, bob] = [await app.user(), await app.user()];
    const repositories = [alice, bob].map(({ session }) => session.services.get(Repository));
    expect(repositories.map(({ ticket: { number } }) => number)).toEqual([1, 2]);
    expect(repositories.every(({ connection }) => connection.isOpen)).toBe(true);
    await expect(alice.session.services.resolve(Connection)).resolves.toMatchObject({ isOpen: true });
  });

  it('what is awaited in a circle, where it is the only one', async () => {
    @SessionScoped()
    class Index {
      words: string[] = [];
      constructor(@Inject(forwardRef(() => Search)) readonly search: { find(): string[] }) {}
      async onModuleInit(): Promise<void> {
        await settle(1);
        this.words.push('ready');
      }
    }
    @SessionScoped()
    class Search {
      constructor(@Inject(forwardRef(() => Index)) private readonly index: Index) {}
      find(): string[] {
        return this.index.words;
      }
    }
    const app = await startScopedApp({ providers: [Search, Index] });
    const { session } = await app.user();
    expect(session.services.get(Index).search.find()).toEqual(['ready']);
    expect(session.services.get(Search).find()).toEqual(['ready']);
  });

  it('and fails with the first failure, while another one that was begun fails, too', async () => {
    watchLog();
    let isArmed = false;
    const later = { provide: 'LATER', scope: Scope.TRANSIENT, useFactory: async () => failOrMake('later') };
    const failOrMake = async (what: string): Promise<object> => {
      await settle(1);
      if (isArmed) throw new Error(what);
      return {};
    };
    @SessionScoped()
    class Bad {
      constructor() {
        if (isArmed) throw new Error('at once');
      }
    }
    @SessionScoped()
    class Both {
      constructor(
        @Inject('LATER') readonly later: object,
        readonly bad: Bad,
      ) {}
    }
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    const app = await startScopedApp({ providers: [later, Bad, Both] });
    isArmed = true;
    expect((await app.browser().get('/session')).status).toBe(500);
    await settle(20);
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(logged.map(([message]) => message)).toEqual(['Both could not be prepared: at once']);
  });

  it('each of very many providers', async () => {
    let made = 0;
    const providers = Array.from({ length: 600 }, (_, number) =>
      sessionScoped({ provide: `number ${number}`, useFactory: async () => Promise.resolve({ number: ++made }) }),
    );
    const app = await startScopedApp({ providers });
    await app.user();
    expect(made).toBe(600);
  });

  it('what a lazily loaded class depends on, where services.resolve() asks for it before any request', async () => {
    @SessionScoped()
    class Search {
      constructor(@Inject('INDEX') readonly index: Index) {}
    }
    @Module({ providers: [indexProvider, Search] })
    class SearchModule {}
    const app = await startScopedApp({});
    const { session } = await app.user();
    await app.app.get(LazyModuleLoader).load(() => SearchModule);
    expect((await session.services.resolve(Search)).index.words).toEqual(['ready']);
  });

  it('the providers of a lazily loaded module, from the next request on', async () => {
    @Module({ providers: [indexProvider], exports: [indexProvider] })
    class IndexModule {}
    const app = await startScopedApp({});
    const { browser, session } = await app.user();
    const lazy = await app.app.get(LazyModuleLoader).load(() => IndexModule);
    expect(loads).toBe(0);
    await browser.get('/session');
    expect(loads).toBe(1);
    expect(app.registry.run(session, () => lazy.get<Index>('INDEX').words)).toEqual(['ready']);
  });
});

describe('A session that ends while something of it is prepared', () => {
  it('answers 410 at once, and ends what is made too late', async () => {
    const gate = new Gate();
    load = async () => {
      await gate.opened;
      return { words: [], name: 'late' };
    };
    const app = await start();
    const answer = app.browser().get('/index');
    await until(() => loads === 1);
    const [session] = app.registry.all();
    const ending = session!.terminate();
    expect((await answer).status).toBe(410);
    expect(ended).toEqual([]);
    gate.open();
    expect(await ending).toMatchObject({ disposed: 1, failed: [], timedOut: [] });
    expect(ended).toEqual(['index late']);
  });

  it('does not wait for it for ever: then it ends when it comes', async () => {
    watchLog();
    const gate = new Gate();
    const clock = new FakeClock();
    const app = await start({ clock });
    load = async () => {
      await gate.opened;
      return { words: [], name: 'very late' };
    };
    const answer = app.browser().get('/index');
    await until(() => loads === 1);
    const ending = app.registry.all()[0]!.terminate();
    await clock.advance(5_000);
    expect((await ending).timedOut).toEqual(['the making of INDEX']);
    expect((await answer).status).toBe(410);
    gate.open();
    await until(() => ended.length > 0);
    expect(ended).toEqual(['index very late']);
  });

  it('ends also what comes while the last hooks run', async () => {
    watchLog();
    const making = new Gate();
    const slow = Array.from({ length: 9 }, (_, number) =>
      sessionScoped({
        provide: `slow ${number}`,
        useFactory: () => ({}),
        dispose: () => {
          making.open();
          return new Promise(() => undefined);
        },
      }),
    );
    const clock = new FakeClock();
    const app = await startScopedApp({ providers: [indexProvider, ...slow] }, { options: { clock, preload: false } });
    load = async () => {
      await making.opened;
      return { words: [], name: 'late' };
    };
    const { session } = await app.user();
    for (const { provide } of slow) session.services.get(provide as string);
    const index = session.services.resolve('INDEX').catch((error: unknown) => error);
    await until(() => loads === 1);
    const ending = session.terminate();
    expect(await index).toBeInstanceOf(SessionEndedError);
    await clock.advance(5_000);
    expect(await ending).toMatchObject({ disposed: 10 });
    expect(ended).toEqual(['index late']);
  });

  it('ends what comes while the very last things end', async () => {
    watchLog();
    const gate = new Gate();
    const clock = new FakeClock();
    const app = await start({ clock, preload: false });
    load = async () => {
      await gate.opened;
      return { words: [], name: 'late' };
    };
    const { session } = await app.user();
    session.services.resolve('INDEX').catch(() => ended.push('refused'));
    await until(() => loads === 1);
    for (let i = 0; i < 2; i++) session.takeOwnership(async () => gate.open());
    const ending = session.terminate();
    await clock.advance(5_000);
    await ending;
    await until(() => ended.length > 1);
    expect(ended).toEqual(['refused', 'index late']);
  });

  it('constructs nothing any more on what has ended meanwhile', async () => {
    watchLog();
    const gate = new Gate();
    const constructed = jest.fn();
    const clock = new FakeClock();
    let isArmed = false;
    const slow = {
      provide: 'SLOW',
      scope: Scope.TRANSIENT,
      useFactory: async () => {
        if (isArmed) await gate.opened;
        return { onModuleDestroy: () => ended.push('slow') };
      },
    };
    const app = await startScopedApp(
      { providers: [slow, sessionScoped({ provide: 'ON IT', inject: ['SLOW'], useFactory: constructed })] },
      { options: { clock, preload: false } },
    );
    isArmed = true;
    const { session } = await app.user();
    const made = session.services.resolve('ON IT').catch((error: unknown) => error);
    await settle();
    const ending = session.terminate();
    await clock.advance(5_000);
    await ending;
    gate.open();
    expect(await made).toBeInstanceOf(SessionEndedError);
    await until(() => ended.length > 0);
    expect([ended, constructed.mock.calls]).toEqual([['slow'], []]);
  });

  it('does not wait for what waits for it', async () => {
    const app = await start();
    load = async () => {
      const report = await app.registry.current()!.terminate();
      return { words: [], name: String(report.pending) };
    };
    expect((await app.browser().get('/index')).status).toBe(410);
    await until(() => ended.length > 0);
    expect(ended).toEqual(['index true']);
  });

  it('refuses what is asked for afterwards', async () => {
    const app = await start({ preload: false });
    const { session } = await app.user();
    await session.terminate();
    await expect(session.services.resolve('INDEX')).rejects.toThrow(SessionEndedError);
    expect(new PreparationFailedError('X', new Error('y')).message).toBe('X could not be prepared: y');
  });
});
