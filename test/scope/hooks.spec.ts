import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Inject, Injectable, Logger, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  ActiveSession,
  GroupScoped,
  type CleanupReport,
  type OnSessionEnd,
  type SessionEndReason,
  SessionEndedError,
  SessionScoped,
} from 'nestjs-active-session';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FakeClock } from '../support/fake-clock.js';
import { Gate } from '../support/gate.js';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

/** What happened, in order. */
let log: string[] = [];

/** Notes when a hook begins and when it is over. */
async function slowly(what: string): Promise<void> {
  log.push(`${what} begins`);
  await nextTurn();
  log.push(`${what} is over`);
}

@SessionScoped()
class First {
  onSessionEnd(reason: SessionEndReason): Promise<void> {
    return slowly(`first: ${reason}`);
  }
}

@SessionScoped()
class Second {
  constructor(readonly first: First) {}
  [Symbol.dispose](): void {
    log.push('second');
  }
}

@SessionScoped()
class Third {
  [Symbol.asyncDispose](): Promise<void> {
    return slowly('third');
  }
}

afterEach(async () => {
  await closeApps();
  log = [];
  jest.restoreAllMocks();
});

describe('The end of a session', () => {
  it('calls all hooks of an object, in this order, each awaited', async () => {
    @SessionScoped()
    class All implements OnSessionEnd {
      private readonly name = 'all';
      [Symbol.dispose](): void {
        log.push('Symbol.dispose');
      }
      async [Symbol.asyncDispose](): Promise<void> {
        await slowly(`${this.name}: asyncDispose`);
      }
      async onModuleDestroy(): Promise<void> {
        await slowly(`${this.name}: onModuleDestroy`);
      }
      async onSessionEnd(reason: SessionEndReason): Promise<void> {
        await slowly(`${this.name}: onSessionEnd(${reason})`);
      }
      dispose(): void {
        log.push('dispose');
      }
    }
    const app = await startScopedApp({ providers: [All] });
    const { session } = await app.user();
    session.services.get(All);
    const report = await session.terminate();
    expect(log).toEqual([
      'all: onSessionEnd(terminated) begins',
      'all: onSessionEnd(terminated) is over',
      'all: onModuleDestroy begins',
      'all: onModuleDestroy is over',
      'all: asyncDispose begins',
      'all: asyncDispose is over',
    ]);
    expect(report).toMatchObject({ reason: 'terminated', disposed: 1, failed: [], timedOut: [] });
  });

  it('calls Symbol.dispose where there is no Symbol.asyncDispose', async () => {
    const app = await startScopedApp({ providers: [First, Second] });
    const { session } = await app.user();
    session.services.get(Second);
    await session.terminate();
    expect(log).toContain('second');
  });

  it('ends objects one after another, last created first, lazily created ones included', async () => {
    const app = await startScopedApp({ providers: [Third, First, Second] });
    const { session, run } = await app.user();
    // Second makes First before itself, whatever comes first in the list of providers.
    run(() => app.get(Second).first);
    session.services.get(Third);
    session.takeOwnership(() => log.push('owned'));
    const report = await session.terminate();
    expect(log).toEqual([
      'third begins',
      'third is over',
      'second',
      'first: terminated begins',
      'first: terminated is over',
      'owned',
    ]);
    expect(report.disposed).toBe(4);
  });

  it('calls nothing for a class that was not used', async () => {
    const app = await startScopedApp({ providers: [First, Third] });
    const { session } = await app.user();
    session.services.get(First);
    expect((await session.terminate()).disposed).toBe(1);
    expect(log).toEqual(['first: terminated begins', 'first: terminated is over']);
  });

  it('calls inherited hooks, and hooks in fields', async () => {
    class Base {
      onModuleDestroy(): void {
        log.push('inherited');
      }
    }
    @SessionScoped()
    class Derived extends Base {
      readonly onSessionEnd = (): unknown => log.push('field');
    }
    const app = await startScopedApp({ providers: [Derived] });
    const { session } = await app.user();
    session.services.get(Derived);
    await session.terminate();
    expect(log).toEqual(['field', 'inherited']);
  });

  it('calls the hooks in the session: its objects can still be used, also through singletons', async () => {
    @SessionScoped()
    class Names {
      name = 'nobody';
    }
    @Injectable()
    class Notes {
      constructor(
        private readonly names: Names,
        private readonly session: ActiveSession,
      ) {}
      read(): unknown[] {
        return [this.names.name, this.session.id, this.session.isAvailable, this.session.endReason];
      }
    }
    const seen: unknown[] = [];
    @SessionScoped()
    class Farewell {
      @Inject('notes') private readonly notes!: { read(): unknown[] };
      async onSessionEnd(): Promise<void> {
        await nextTurn();
        seen.push(...this.notes.read());
      }
    }
    const app = await startScopedApp({
      providers: [Names, Farewell, { provide: 'notes', useClass: Notes }],
    });
    const [alice, bob] = [await app.user(), await app.user()];
    for (const { session } of [alice, bob]) session.services.get(Farewell);
    alice.session.services.get(Names).name = 'alice';
    await bob.run(() => alice.session.terminate());
    expect(seen).toEqual(['alice', alice.session.id, false, 'terminated']);
  });

  it('refuses to make objects that are asked for now, and says which', async () => {
    const errors: unknown[] = [];
    @SessionScoped()
    class Asking {
      constructor(
        private readonly session: ActiveSession,
        private readonly made: First,
      ) {}
      onSessionEnd(): void {
        expect(this.session.services.get(First)).toBe(this.made);
        try {
          this.session.services.get(Third);
        } catch (error) {
          errors.push(error);
        }
      }
    }
    const app = await startScopedApp({ providers: [First, Third, Asking] });
    const { session } = await app.user();
    session.services.get(Asking);
    const { failed } = await session.terminate();
    expect(failed).toEqual([]);
    expect(errors).toEqual([expect.any(SessionEndedError)]);
    expect(String(errors[0])).toContain('Third was asked for, but the session has ended (terminated)');
  });

  it('tells a hook that ends its own session again that the end is under way', async () => {
    const reports: CleanupReport[] = [];
    @SessionScoped()
    class Impatient {
      constructor(private readonly session: ActiveSession) {}
      async onSessionEnd(): Promise<void> {
        reports.push(await this.session.terminate());
      }
    }
    const app = await startScopedApp({ providers: [Impatient] });
    const { session } = await app.user();
    session.services.get(Impatient);
    expect(await session.terminate()).not.toHaveProperty('pending');
    expect(reports).toMatchObject([{ pending: true, reason: 'terminated' }]);
  });

  it('lets go of the objects', async () => {
    const app = await startScopedApp({ providers: [First] });
    const { session, run } = await app.user();
    session.services.get(First);
    await session.terminate();
    expect(() => session.services.get(First)).toThrow(SessionEndedError);
    expect(() => run(() => app.get(First).onSessionEnd('idle'))).toThrow(SessionEndedError);
  });
});

describe('A hook that fails', () => {
  @SessionScoped()
  class Failing {
    onSessionEnd(): void {
      throw new Error('thrown');
    }
    async onModuleDestroy(): Promise<void> {
      await nextTurn();
      throw new Error('rejected');
    }
    [Symbol.dispose](): void {
      log.push('disposed');
    }
  }

  it('is logged and reported, and stops nothing', async () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    const app = await startScopedApp({ providers: [First, Failing] });
    const { session } = await app.user();
    session.services.get(First);
    session.services.get(Failing);
    const report = await session.terminate();
    expect(report.failed).toEqual([
      { what: 'Failing.onSessionEnd()', error: new Error('thrown') },
      { what: 'Failing.onModuleDestroy()', error: new Error('rejected') },
    ]);
    expect(log).toEqual(['disposed', 'first: terminated begins', 'first: terminated is over']);
    expect(logged.mock.calls.map(([message]) => message as unknown)).toEqual([
      expect.stringMatching(/^The active session .* \(terminated\), Failing\.onSessionEnd\(\): thrown$/),
      expect.stringMatching(/^The active session .* \(terminated\), Failing\.onModuleDestroy\(\): rejected$/),
    ]);
  });

  it('already when it is looked up is reported, too', async () => {
    jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    @SessionScoped()
    class Strict {
      constructor() {
        return new Proxy(this, {
          get(target, key) {
            if (!(key in target)) throw new Error(`No ${String(key)}`);
            return Reflect.get(target, key) as unknown;
          },
        });
      }
    }
    const app = await startScopedApp({ providers: [First, Strict] });
    const { session } = await app.user();
    session.services.get(First);
    session.services.get(Strict);
    const { failed } = await session.terminate();
    expect(failed[0]).toEqual({ what: 'Strict.onSessionEnd()', error: new Error('No onSessionEnd') });
    expect(log).toContain('first: terminated is over');
  });

  it('to end is not waited for longer than cleanupTimeoutMs: the others are still called', async () => {
    jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    const clock = new FakeClock();
    const gate = new Gate();
    @SessionScoped()
    class Hanging {
      onSessionEnd(): Promise<void> {
        return gate.opened;
      }
      onModuleDestroy(): void {
        log.push('still called');
      }
    }
    const app = await startScopedApp({ providers: [First, Hanging] }, { options: { clock, cleanupTimeoutMs: 1000 } });
    const { session } = await app.user();
    session.services.get(First);
    session.services.get(Hanging);
    const ending = session.terminate();
    await clock.advance(999);
    const before = [...log];
    await clock.advance(1);
    gate.open();
    const report = await ending;
    expect(before).toEqual([]);
    expect(report.timedOut).toEqual(['Hanging.onSessionEnd()', 'First.onSessionEnd()']);
    expect(log).toEqual(['still called', 'first: terminated begins', 'first: terminated is over']);
  });
});

describe('A constructor that fails', () => {
  let attempts = 0;
  @SessionScoped()
  class Fragile {
    constructor(readonly first: First) {
      if (++attempts === 1) throw new Error('not yet');
    }
    onSessionEnd(): void {
      log.push('fragile');
    }
  }

  it('is not remembered: the next use tries again, and what it had made is kept', async () => {
    attempts = 0;
    const app = await startScopedApp({ providers: [First, Fragile] });
    const { session, run } = await app.user();
    expect(() => run(() => app.get(Fragile).first)).toThrow('not yet');
    const fragile = session.services.get(Fragile);
    expect(fragile.first).toBe(session.services.get(First));
    expect(session.services.get(Fragile)).toBe(fragile);
    await session.terminate();
    expect(log).toEqual(['fragile', 'first: terminated begins', 'first: terminated is over']);
  });

  it('has no hooks to call', async () => {
    attempts = 0;
    const app = await startScopedApp({ providers: [First, Fragile] });
    const { session } = await app.user();
    expect(() => session.services.get(Fragile)).toThrow('not yet');
    expect((await session.terminate()).disposed).toBe(1);
    expect(log).not.toContain('fragile');
  });
});

describe('Group-scoped objects', () => {
  @GroupScoped()
  class Shared {
    onSessionEnd(reason: SessionEndReason): void {
      log.push(`shared: ${reason}`);
    }
  }
  @SessionScoped()
  class Own {
    constructor(readonly shared: Shared) {}
    onSessionEnd(reason: SessionEndReason): Promise<void> {
      return slowly(`own: ${reason}`);
    }
  }

  it('end with the last session of their user, after its objects', async () => {
    const app = await startScopedApp({ providers: [Shared, Own] });
    const user = await app.user();
    const tab = await user.tab('two');
    for (const { session } of [user, tab]) session.services.get(Own);
    await user.session.terminate();
    expect(log).toEqual(['own: terminated begins', 'own: terminated is over']);
    log = [];
    await tab.session.terminate();
    await tab.session.group.cleanupCompletion;
    expect(log).toEqual(['own: terminated begins', 'own: terminated is over', 'shared: terminated']);
  });

  it('end after those of all sessions when the group is ended', async () => {
    const app = await startScopedApp({ providers: [Shared, Own] });
    const user = await app.user();
    const tab = await user.tab('two');
    for (const { session } of [user, tab]) session.services.get(Own);
    await user.session.group.terminate();
    expect(log.at(-1)).toBe('shared: terminated');
    expect(log).toHaveLength(5);
  });
});

describe('The end of the application', () => {
  @SessionScoped()
  class Saving {
    constructor(@Inject('database') private readonly database: { isOpen: boolean }) {}
    async onSessionEnd(reason: SessionEndReason): Promise<void> {
      await slowly(`${reason}, database open: ${this.database.isOpen}`);
    }
    onModuleDestroy(): void {
      log.push('onModuleDestroy');
    }
  }
  class Database {
    isOpen = true;
    onModuleDestroy(): void {
      this.isOpen = false;
    }
  }
  const providers = [Saving, { provide: 'database', useClass: Database }];
  const expected = ['shutdown, database open: true begins', 'shutdown, database open: true is over', 'onModuleDestroy'];

  it('calls the hooks once, while the singletons are still there', async () => {
    const app = await startScopedApp({ providers });
    const { session } = await app.user();
    session.services.get(Saving);
    await app.app.close();
    expect(log).toEqual(expected);
  });

  it('calls them once, too, where it is closed by code that runs in a session', async () => {
    const app = await startScopedApp({ providers });
    const { session, run } = await app.user();
    session.services.get(Saving);
    await run(() => app.app.close());
    expect(log).toEqual(expected);
  });

  it('is no end of a session where code of the session starts and closes an application that has its services, too', async () => {
    @SessionScoped()
    class Counting {
      inits = 0;
      ends = 0;
      onModuleInit(): void {
        this.inits++;
      }
      onApplicationBootstrap(): void {
        this.inits++;
      }
      onModuleDestroy(): void {
        this.ends++;
      }
    }
    const app = await startScopedApp({ providers: [Counting] });
    const { session, run } = await app.user();
    const counting = session.services.get(Counting);
    await run(async () => {
      const shared = { provide: Counting, useValue: app.get(Counting) };
      const module = await Test.createTestingModule({ providers: [shared] }).compile();
      await module.init();
      await module.close();
      await app.app.init();
    });
    expect(counting).toMatchObject({ inits: 1, ends: 0 });
    await session.terminate();
    expect(counting).toMatchObject({ inits: 1, ends: 1 });
  });

  it('calls them once where a request closes it', async () => {
    let close = (): Promise<void> => Promise.resolve();
    let closed: Promise<void> | undefined;
    @Controller('close')
    class CloseController {
      @Post()
      close(): void {
        closed = close();
      }
    }
    const app = await startScopedApp({ providers, controllers: [CloseController] });
    const { session, browser } = await app.user();
    session.services.get(Saving);
    close = () => app.app.close();
    // The application may cut the connection before the answer.
    await browser.post('/close').catch(() => undefined);
    await closed;
    expect(log).toEqual(expected);
  });
});
