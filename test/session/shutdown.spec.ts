import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  Module,
  type DynamicModule,
  type INestApplication,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { AddressInfo } from 'node:net';
import {
  ActiveSession,
  ActiveSessionModule,
  ActiveSessionRegistry,
  getActiveSession,
  GroupScoped,
  InjectActiveSession,
  refreshActiveSession,
  SessionScoped,
  type ActiveSessionModuleOptions,
} from 'nestjs-active-session';
import { Browser } from '../support/browser.js';
import { settle } from '../support/fake-clock.js';
import { Gate, until, untilAborted } from '../support/gate.js';
import { useSessionApps } from '../support/session-app.js';
import { makeApp, SECRET } from '../support/test-app.js';

const SECOND = 1_000;

const { start, faults, warnings } = useSessionApps();

/** Resolves when the promise did; whether it has can be looked at. */
function watch(promise: Promise<unknown>): { isOver: boolean } {
  const watched = { isOver: false };
  void promise.then(() => (watched.isOver = true));
  return watched;
}

describe('Closing the application', () => {
  it('ends sessions before the services that their hooks use', async () => {
    const lines: string[] = [];

    @Injectable()
    class Database implements OnModuleDestroy {
      isOpen = true;
      async write(row: string): Promise<void> {
        await settle();
        if (!this.isOpen) throw new Error('The database is closed');
        lines.push(row);
      }
      onModuleDestroy() {
        this.isOpen = false;
        lines.push('closed');
      }
    }
    @Module({ providers: [Database], exports: [Database] })
    class DatabaseModule {}

    @GroupScoped()
    class Preferences {
      constructor(private readonly database: Database) {}
      onSessionEnd() {
        return this.database.write('preferences');
      }
    }
    @SessionScoped()
    class Cart {
      constructor(private readonly database: Database) {}
      [Symbol.asyncDispose]() {
        return this.database.write('cart');
      }
    }

    const app = await start({ metadata: { imports: [DatabaseModule], providers: [Cart, Preferences] } });
    const { session } = await app.user();
    session.services.get(Cart);
    session.group.services.get(Preferences);
    await app.app.close();
    expect(lines).toEqual(['cart', 'preferences', 'closed']);
    expect(await session.cleanupCompletion).toMatchObject({ reason: 'shutdown', disposed: 1, failed: [] });
    expect([session.group.endReason, app.registry.all(), app.groups.all()]).toEqual(['shutdown', [], []]);
  });

  it('answers reads that wait', async () => {
    const answered = new Gate();
    const app = await start({
      handlers: {
        read: (req) => {
          const session = getActiveSession(req);
          session.takeOwnership(() => answered.opened);
          return session.createProcessRunner((_report, signal) => untilAborted(signal)).getRequired();
        },
      },
    });
    const { browser } = await app.user();
    const answer = browser.get('/read');
    await until(() => app.registry.stats().pinned === 1);
    const closing = app.app.close();
    const { status, body } = await answer;
    expect([status, body]).toEqual([200, expect.objectContaining({ status: 'aborted', ended: 'shutdown' })]);
    answered.open();
    await closing;
  });

  it('refuses new requests with 503 while sessions clean up', async () => {
    const gate = new Gate();
    const app = await start({ handlers: { look: (req) => getActiveSession(req).isAvailable } });
    const { browser, session } = await app.user();
    session.takeOwnership(() => gate.opened);
    const closing = app.app.close();
    await until(() => !session.isAvailable);
    for (const client of [browser, app.browser()]) {
      const { status, body, headers } = await client.get('/use');
      expect([status, body.code, headers['retry-after']]).toEqual([503, 'SESSION_UNAVAILABLE', '1']);
      expect((await client.get('/look')).body).toBe(false);
    }
    gate.open();
    await closing;
    expect(app.registry.stats()).toMatchObject({ created: 1, sessions: 0 });
  });

  it('gives no next generation to requests in flight', async () => {
    const [gate, entered, answered] = [new Gate(), new Gate(), new Gate()];
    const app = await start({
      handlers: {
        hold: async (req) => {
          getActiveSession(req).takeOwnership(() => answered.opened);
          entered.open();
          await gate.opened;
          return refreshActiveSession(req).generation;
        },
      },
    });
    const { browser, session } = await app.user();
    const answer = browser.get('/hold');
    await entered.opened;
    const closing = app.app.close();
    await until(() => !session.isAvailable);
    gate.open();
    expect((await answer).status).toBe(503);
    answered.open();
    await closing;
  });

  it('is not held up by a hook that hangs', async () => {
    const app = await start({ options: { cleanupTimeoutMs: 4 * SECOND, shutdownTimeoutMs: 10 * SECOND } });
    const { session } = await app.user();
    session.takeOwnership(() => new Promise(() => {}));
    const closing = watch(app.app.close());
    await app.clock.advance(4 * SECOND - 1);
    expect(closing.isOver).toBe(false);
    await app.clock.advance(1);
    await until(() => closing.isOver);
    expect(faults()).toEqual([expect.stringMatching(/\(shutdown\), takeOwnership\(\): did not end in time/)]);
    expect(app.clock.pending).toBe(0);
  });

  it('takes `shutdownTimeoutMs` at most, and names what has not ended by then', async () => {
    const app = await start({ options: { cleanupTimeoutMs: 6 * SECOND, shutdownTimeoutMs: 10 * SECOND } });
    const [alice, bob] = [await app.user(), await app.user()];
    for (const { session } of [alice, bob]) session.takeOwnership(() => new Promise(() => {}));
    alice.session.group.takeOwnership(() => new Promise(() => {}));
    const closing = watch(app.app.close());
    await app.clock.advance(10 * SECOND - 1);
    expect(closing.isOver).toBe(false);
    expect(faults()).toHaveLength(2);
    await app.clock.advance(1);
    await until(() => closing.isOver);
    const group = alice.session.group.id;
    expect(faults()).toEqual([expect.stringMatching(new RegExp(`group ${group} .*shutdownTimeoutMs \\(10000\\)`))]);
  });

  it('takes 10 s at most unless told otherwise, of which one clean-up gets 5 s', async () => {
    const app = await start();
    const { session } = await app.user();
    session.takeOwnership(() => new Promise(() => {}));
    session.group.takeOwnership(() => new Promise(() => {}));
    const closing = watch(app.app.close());
    const report = watch(session.cleanupCompletion);
    await app.clock.advance(5 * SECOND - 1);
    expect(report.isOver).toBe(false);
    await app.clock.advance(1);
    expect([report.isOver, closing.isOver]).toEqual([true, false]);
    await app.clock.advance(5 * SECOND);
    await until(() => closing.isOver);
    expect(faults().length).toBeGreaterThan(0);
  });

  it('names a session that began to end before, and is not through', async () => {
    const app = await start({ options: { cleanupTimeoutMs: 6 * SECOND, shutdownTimeoutMs: 7 * SECOND } });
    const { session } = await app.user();
    session.takeOwnership(() => new Promise(() => {}));
    void session.terminate();
    const closing = watch(app.app.close());
    await app.clock.advance(6 * SECOND);
    await until(() => closing.isOver);
    expect(faults()).toEqual([expect.stringContaining(session.id)]);
    expect(session.endReason).toBe('terminated');
  });

  it.each<[string, (session: ActiveSession) => unknown]>([
    ['a session', (session) => session.terminate()],
    ['a group', (session) => session.group.terminate()],
  ])('waits for the clean-up that had begun: of %s', async (_what, end) => {
    const app = await start();
    const { session } = await app.user();
    const gate = new Gate();
    session.takeOwnership(() => gate.opened);
    void end(session);
    const closing = watch(app.app.close());
    await settle(50);
    expect(closing.isOver).toBe(false);
    gate.open();
    await until(() => closing.isOver);
  });

  it('lets go on what was too slow: its report still comes', async () => {
    const app = await start({ options: { cleanupTimeoutMs: 6 * SECOND, shutdownTimeoutMs: 7 * SECOND } });
    const { session } = await app.user();
    const gate = new Gate();
    session.takeOwnership(() => new Promise(() => {}));
    session.group.takeOwnership(() => gate.opened);
    const closing = watch(app.app.close());
    await app.clock.advance(7 * SECOND);
    await until(() => closing.isOver);
    expect(faults().length).toBeGreaterThan(0);
    gate.open();
    expect(await session.group.cleanupCompletion).toMatchObject({ reason: 'shutdown', disposed: 1, timedOut: [] });
  });

  it('ends sessions whose time is without end', async () => {
    const app = await start({ options: { idleTimeoutMs: Infinity, maxLifetimeMs: Infinity } });
    const { session } = await app.user();
    await app.app.close();
    expect(session.endReason).toBe('shutdown');
  });

  it('is over at once without sessions', async () => {
    const app = await start();
    await app.app.close();
    expect(app.clock.pending).toBe(0);
  });

  it('does not start again when it is asked for twice', async () => {
    const app = await start({ options: { cleanupTimeoutMs: 6 * SECOND, shutdownTimeoutMs: 10 * SECOND } });
    const { session } = await app.user();
    for (const owner of [session, session.group]) owner.takeOwnership(() => new Promise(() => {}));
    const closing = [watch(app.app.close()), watch(app.app.close())];
    await app.clock.advance(10 * SECOND);
    await until(() => closing.every(({ isOver }) => isOver));
    expect(faults()).toHaveLength(2);
    await app.app.close();
  });
});

describe('The first session', () => {
  it('warns where nothing listens to SIGTERM, once', async () => {
    const listeners = jest.spyOn(process, 'listenerCount').mockReturnValue(0);
    const app = await start();
    expect(warnings()).toEqual([]);
    await app.user();
    await app.user();
    expect(warnings()).toEqual([expect.stringContaining('app.enableShutdownHooks()')]);
    expect(listeners).toHaveBeenCalledWith('SIGTERM');
  });

  it('does not warn after enableShutdownHooks()', async () => {
    const app = await start({ configure: (nest) => void nest.enableShutdownHooks() });
    await app.user();
    expect(warnings()).toEqual([]);
  });
});

describe('ActiveSessionModule', () => {
  const opened: INestApplication[] = [];
  afterEach(async () => {
    for (const app of opened.splice(0)) await app.close();
  });

  @Controller()
  class HostController {
    constructor(private readonly registry: ActiveSessionRegistry) {}
    @Get()
    host(@InjectActiveSession() session: ActiveSession): [string, number] {
      return [this.registry.stats().hostId, session.generation];
    }
  }

  async function answerOf(...imports: DynamicModule[]): Promise<unknown> {
    const app = await makeApp(Test.createTestingModule({ imports, controllers: [HostController] }));
    opened.push(app);
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return (await new Browser(`http://127.0.0.1:${port}`).get('/')).body;
  }

  const options = (hostId: string): ActiveSessionModuleOptions => ({ hostId, userSession: { secret: SECRET } });

  @Injectable()
  class OptionsFactory {
    createActiveSessionOptions(): ActiveSessionModuleOptions {
      return options('by class');
    }
  }
  @Module({
    providers: [OptionsFactory, { provide: 'host', useValue: 'injected' }],
    exports: [OptionsFactory, 'host'],
  })
  class ConfigModule {}

  it('takes options', async () => {
    expect(await answerOf(ActiveSessionModule.forRoot(options('given')))).toEqual(['given', 1]);
  });

  it('takes options from a factory, with what it injects', async () => {
    const module = ActiveSessionModule.forRootAsync({
      imports: [ConfigModule],
      inject: ['host'],
      useFactory: async (host: string) => options(host),
    });
    expect(await answerOf(module)).toEqual(['injected', 1]);
  });

  it('takes options from a class of its own', async () => {
    expect(await answerOf(ActiveSessionModule.forRootAsync({ useClass: OptionsFactory }))).toEqual(['by class', 1]);
  });

  it('takes options from a provider of another module', async () => {
    const module = ActiveSessionModule.forRootAsync({ imports: [ConfigModule], useExisting: OptionsFactory });
    expect(await answerOf(module)).toEqual(['by class', 1]);
  });

  it('checks options from a factory, too, when the application starts', async () => {
    const module = ActiveSessionModule.forRootAsync({ useFactory: () => ({ idleTimeoutMs: -1 }) });
    await expect(answerOf(module)).rejects.toThrow(/"idleTimeoutMs".*-1/);
    await expect(answerOf(ActiveSessionModule.forRoot({ hostId: '' }))).rejects.toThrow(TypeError);
  });

  it('is imported once: a second forRoot() is refused', async () => {
    @Module({ imports: [ActiveSessionModule.forRoot(options('two'))] })
    class FeatureModule {}
    const [one, two] = [ActiveSessionModule.forRoot(options('one')), { module: FeatureModule }];
    await expect(answerOf(one, two)).rejects.toThrow(/forRoot\(\) was imported more than once.*root module/);
  });

  it('may be imported by several modules as the same object', async () => {
    const once = ActiveSessionModule.forRoot(options('one'));
    @Module({ imports: [once] })
    class FeatureModule {}
    expect(await answerOf(once, { module: FeatureModule })).toEqual(['one', 1]);
  });
});
