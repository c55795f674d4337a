import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Post, Req } from '@nestjs/common';
import { ActiveSession, GroupScoped, type OnSessionEnd, SessionScoped } from 'nestjs-active-session';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

afterEach(closeApps);

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Whether all of them are collected soon. */
async function areCollected(refs: readonly WeakRef<object>[]): Promise<boolean> {
  for (let round = 0; round < 50; round++) {
    await nextTurn();
    collectGarbage();
    if (refs.every((ref) => ref.deref() === undefined)) return true;
  }
  return false;
}

/** What an application may keep for each request, as nestjs-cls or a tracer do. */
interface RequestStore {
  readonly request: WeakRef<object>;
}
const applicationStorage = new AsyncLocalStorage<RequestStore>();

/** What the requests of a test leave behind. */
class Traces {
  readonly requests: WeakRef<object>[] = [];
  readonly stores: WeakRef<object>[] = [];
  readonly timers: NodeJS.Timeout[] = [];

  add(req: object): void {
    this.requests.push(new WeakRef(req));
    this.stores.push(new WeakRef(applicationStorage.getStore()!));
  }
}

async function* numbers(signal: AbortSignal): AsyncGenerator<number> {
  for (let number = 0; !signal.aborted; number++) {
    yield number;
    await nextTurn();
  }
}

async function work(report: (value: number) => void, signal: AbortSignal): Promise<void> {
  for (let number = 0; !signal.aborted; number++) {
    report(number);
    await nextTurn();
  }
}

@GroupScoped()
class LongLivedOfGroup {
  readonly never = new Promise(() => {});
}

@SessionScoped()
class LongLived {
  readonly never = new Promise(() => {});
  readonly later: Promise<void>;
  readonly timer: NodeJS.Timeout;
  private readonly waiting = this.wait();

  constructor(
    readonly ofGroup: LongLivedOfGroup,
    traces: Traces,
  ) {
    this.timer = setInterval(() => {}, 60_000);
    traces.timers.push(this.timer);
    this.later = this.never.then(() => {});
  }

  use(): boolean {
    return this.waiting instanceof Promise;
  }

  private async wait(): Promise<void> {
    await this.never;
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }
}

@Controller()
class LongController {
  constructor(
    private readonly session: ActiveSession,
    private readonly longLived: LongLived,
    private readonly traces: Traces,
  ) {}

  @Post('use')
  use(@Req() req: object): boolean {
    this.traces.add(req);
    return this.longLived.use();
  }

  @Post('runners')
  async runners(@Req() req: object): Promise<void> {
    this.traces.add(req);
    const sequence = this.session.createSequenceRunner(numbers, { queueLimit: 5 });
    await sequence.getRequired({ advance: 3 });
    await this.session.createProcessRunner(work).getRequired({ advance: 2 });
  }

  @Post('members')
  members(@Req() req: object): void {
    this.traces.add(req);
    this.session.completionSignal.addEventListener('abort', () => {});
    void this.session.cleanupCompletion;
    void this.session.group.cleanupCompletion;
    this.session.properties.set('kept', new Date());
    this.session.takeOwnership(() => {});
  }
}

/** Express keeps nothing of these requests; their stores are what promises and timers could keep. */
const asApplication: Parameters<typeof startScopedApp>[1] = {
  configure: (app) =>
    app.use((req: object, _res: unknown, next: () => void) =>
      applicationStorage.run({ request: new WeakRef(req) }, next),
    ),
};

const metadata = { controllers: [LongController], providers: [LongLived, LongLivedOfGroup, Traces] };

describe('A request can be forgotten as soon as it is answered', () => {
  it.each([
    ['made a session-scoped object with promises and timers', '/use'],
    ['started runners that go on', '/runners'],
    ['asked for promises and signals of the session', '/members'],
  ])('although it %s', async (_what, path) => {
    const app = await startScopedApp(metadata, asApplication);
    const browser = app.browser();
    for (let i = 0; i < 3; i++) expect((await browser.post(path)).status).toBe(201);
    const { requests, stores } = app.get(Traces);
    expect(requests).toHaveLength(3);
    expect(await areCollected([...requests, ...stores])).toBe(true);
    const [session] = app.registry.all();
    expect(session!.isAvailable).toBe(true);
    if (path === '/runners')
      expect([...session!.runners.values()].map(({ status }) => status)).not.toContain('aborted');
  });

  it('although it made the session-scoped object of another session', async () => {
    @Injectable()
    class Visitor {
      constructor(private readonly longLived: LongLived) {}
      visit(): boolean {
        return this.longLived.use();
      }
    }
    const visits: ((name: string) => boolean)[] = [];
    @Controller('visit')
    class VisitController {
      constructor(private readonly traces: Traces) {}
      @Post()
      visit(@Req() req: object): boolean[] {
        this.traces.add(req);
        return visits.splice(0).map((visit) => visit('bob'));
      }
    }
    const app = await startScopedApp(
      { controllers: [VisitController], providers: [...metadata.providers, Visitor] },
      asApplication,
    );
    const [alice, carol] = [await app.user(), await app.user()];
    visits.push(
      alice.session.bind(() => app.get(Visitor).visit()),
      () => carol.run(() => app.get(Visitor).visit()),
    );
    expect((await app.browser().post('/visit')).body).toEqual([true, true]);
    const { requests, stores, timers } = app.get(Traces);
    expect(timers).toHaveLength(2);
    expect(await areCollected([...requests, ...stores])).toBe(true);
  });
});

describe('Nothing of the request is around', () => {
  const seen: [string, unknown][] = [];
  const look = (where: string): void => void seen.push([where, applicationStorage.getStore()]);

  afterEach(() => {
    seen.length = 0;
  });

  @SessionScoped()
  class Dependency {
    constructor() {
      look('constructor of a dependency');
    }
  }
  @GroupScoped()
  class OfGroup {
    constructor() {
      look('constructor of a group-scoped object');
    }
    onSessionEnd(): void {
      look('hook of a group-scoped object');
    }
  }
  @SessionScoped()
  class Looking implements OnSessionEnd {
    @Inject() dependency!: Dependency;
    constructor(readonly ofGroup: OfGroup) {
      look('constructor');
    }
    use(): boolean {
      return applicationStorage.getStore() !== undefined;
    }
    async onSessionEnd(): Promise<void> {
      look('hook');
      await nextTurn();
      look('hook, later');
    }
  }

  @Controller()
  class LookController {
    constructor(
      private readonly session: ActiveSession,
      private readonly looking: Looking,
    ) {}
    @Get('make')
    make(): boolean {
      return this.looking.use();
    }
    @Get('run')
    async run(): Promise<void> {
      const sequence = this.session.createSequenceRunner(function* () {
        look('source');
        yield 1;
        look('source, later');
      });
      await sequence.getRequired();
      await this.session
        .createProcessRunner(async () => {
          look('body');
          await nextTurn();
          look('body, later');
        })
        .getRequired();
    }
    @Get('end')
    async end(): Promise<void> {
      this.session.completionSignal.addEventListener('abort', () => look('listener of the signal'));
      this.session.takeOwnership(() => look('ownership'));
      const { group } = this.session;
      await this.session.terminate();
      void group.terminate();
    }
  }

  it('where scoped objects are constructed and ended, and where runners work', async () => {
    const app = await startScopedApp(
      { controllers: [LookController], providers: [Looking, OfGroup, Dependency] },
      asApplication,
    );
    const browser = app.browser();
    // The methods of an object run in the context of their caller, as always.
    expect((await browser.get('/make')).text).toBe('true');
    await browser.get('/run');
    const [session] = app.registry.all();
    await browser.get('/end');
    await session!.group.cleanupCompletion;
    expect(seen.map(([where]) => where)).toEqual([
      'constructor of a group-scoped object',
      'constructor of a dependency',
      'constructor',
      'source',
      'source, later',
      'body',
      'body, later',
      'listener of the signal',
      'hook',
      'hook, later',
      'ownership',
      'hook of a group-scoped object',
    ]);
    expect(seen.filter(([, store]) => store !== undefined)).toEqual([]);
  });

  it('where bind() and ActiveSessionRegistry.run() bring in the request of somebody else', async () => {
    const app = await startScopedApp({ providers: [Looking, OfGroup, Dependency] }, asApplication);
    const [alice, bob] = [await app.user(), await app.user()];
    const use = (): boolean => app.get(Looking).use();
    applicationStorage.run({ request: new WeakRef({}) }, () => {
      // Their own code keeps the context of its caller, too, except for the session.
      expect(alice.session.bind(use)()).toBe(true);
      expect(app.registry.run(bob.session, use)).toBe(true);
    });
    expect(seen).toHaveLength(6);
    expect(seen.filter(([, store]) => store !== undefined)).toEqual([]);
  });

  it('where one runner starts another within a context of its own', async () => {
    const app = await startScopedApp({ providers: [Looking, OfGroup, Dependency] }, asApplication);
    const { session } = await app.user();
    const outer = session.createProcessRunner(() => {
      // At once, while the first runner is still being started.
      applicationStorage.run({ request: new WeakRef({}) }, () => {
        look('outer');
        session.createProcessRunner(() => look('inner'));
        session.services.get(Looking);
      });
    });
    await outer.getRequired();
    const stores = Object.fromEntries(seen.map(([where, store]) => [where, store !== undefined]));
    expect(stores).toMatchObject({
      outer: true,
      inner: false,
      constructor: false,
      'constructor of a dependency': false,
      'constructor of a group-scoped object': false,
    });
  });
});
