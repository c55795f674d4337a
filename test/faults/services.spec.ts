import { describe, expect, it } from '@jest/globals';
import type { Provider } from '@nestjs/common';
import {
  getActiveSession,
  groupScoped,
  GroupScoped,
  sessionScoped,
  SessionScoped,
  type ActiveSession,
} from 'nestjs-active-session';
import { until } from '../support/gate.js';
import { each, FAILING, SILENT, THROWING, Weakness } from './faults.js';
import { expectClean, expectFaults, groupNameOf, logOf, nameOf, useScenes } from './scene.js';

const { start, faults } = useScenes();

const weakness = new Weakness();
const { act } = weakness;

const CLASSES = [
  ['session-scoped', SessionScoped],
  ['group-scoped', GroupScoped],
] as const;
const FACTORIES = [
  ['sessionScoped()', sessionScoped],
  ['groupScoped()', groupScoped],
] as const;

/** Where a provider is made: `isPrepared` before the handler runs. */
type Making = readonly [name: string, provider: Provider, isPrepared: boolean];

const constructors = CLASSES.map(([level, Scoped]): Making => {
  @Scoped()
  class Faulty {
    constructor() {
      act();
    }
  }
  return [`the constructor of a ${level} class`, { provide: 'Faulty', useClass: Faulty }, false];
});
const factories = FACTORIES.map(([level, scoped]): Making => {
  const useFactory = (): unknown => act() ?? {};
  return [`a factory of ${level}`, scoped({ provide: 'Faulty', useFactory }), false];
});
const preparations = [
  ...FACTORIES.map(([level, scoped]): Making => {
    const useFactory = async (): Promise<object> => ((await act()) as object | undefined) ?? {};
    return [`an asynchronous factory of ${level}`, scoped({ provide: 'Faulty', useFactory }), true];
  }),
  ...CLASSES.map(([level, Scoped]): Making => {
    @Scoped()
    class Faulty {
      async onModuleInit(): Promise<void> {
        await act();
      }
    }
    return [`an asynchronous onModuleInit() of a ${level} class`, { provide: 'Faulty', useClass: Faulty }, true];
  }),
];

const handlers = {
  faulty: async (req: object) => {
    await getActiveSession(req).services.resolve('Faulty');
  },
};

describe('The making of a service', () => {
  it.each([...each(constructors, THROWING), ...each([...factories, ...preparations], FAILING)])(
    'by %s that %s costs its request a 500, and is tried again by the next',
    async (_place, _how, fault, [, provider, isPrepared]) => {
      weakness.mends();
      const scene = await start({ providers: [provider], handlers });
      const browser = scene.browser();
      weakness.breaks(fault);
      const { status, body } = await browser.get('/faulty');
      expect([status, body.code]).toEqual([500, isPrepared ? 'PREPARATION_FAILED' : undefined]);
      // What is not of the library is logged by Nest.
      expect(faults()).toEqual([isPrepared ? `Faulty could not be prepared: ${fault.text}` : expect.any(String)]);

      weakness.mends();
      expect((await browser.get('/faulty')).status).toBe(200);
      const session = await scene.enter(browser);
      expectClean(await scene.recovers({ browser, session }));
    },
  );

  it.each(each([...factories, ...preparations], SILENT))(
    'by %s that %s is left by its request with the end of the session, and the report names it',
    async (_place, _how, fault, [name, provider]) => {
      weakness.mends();
      const scene = await start({ providers: [provider], handlers });
      const browser = scene.browser();
      const before = scene.registry.all();
      weakness.breaks(fault);
      const request = browser.get('/faulty');
      await until(() => scene.registry.all().length > before.length);
      const session = scene.registry.all().find((each) => !before.includes(each)) as ActiveSession;
      const what = 'the making of Faulty';
      await until(() => weakness.failures > 0);

      weakness.mends();
      const reports = await scene.end(session, true);
      expect(await request).toMatchObject({ status: 410, body: { code: 'SESSION_ENDED' } });
      const isOfGroup = name.includes('group');
      expect([reports.session.timedOut, reports.group.timedOut]).toEqual(isOfGroup ? [[], [what]] : [[what], []]);
      expect(faults()).toEqual([
        expect.stringMatching(new RegExp(`${session.id}.* \\(terminated\\), ${what}: did not end in time`)),
      ]);
      expect((await browser.get('/faulty')).status).toBe(200);
      await scene.recovers({ browser, session: await scene.enter(browser) });
    },
  );
});

/** All that an application can have called at the end of a session, or group, last one first. */
const providersAtEnd = (level: string, Scoped: typeof SessionScoped, scoped: typeof sessionScoped): Provider[] => {
  @Scoped()
  class Hooks {
    onSessionEnd(): unknown {
      return act();
    }
    onModuleDestroy(): unknown {
      return act();
    }
    [Symbol.asyncDispose](): unknown {
      return act();
    }
  }
  @Scoped()
  class Disposable {
    [Symbol.dispose](): unknown {
      return act();
    }
  }
  return [
    { provide: `${level} hooks`, useClass: Hooks },
    { provide: `${level} disposable`, useClass: Disposable },
    scoped({ provide: `${level} factory`, useFactory: () => ({}), dispose: act }),
  ];
};

const atEndOf = (level: string): string[] => [
  `${level} factory, dispose()`,
  'Disposable[Symbol.dispose]()',
  'Hooks.onSessionEnd()',
  'Hooks.onModuleDestroy()',
  'Hooks[Symbol.asyncDispose]()',
  ...Array<string>(4).fill('takeOwnership()'),
];

describe('All that is called at the end of a session', () => {
  const owned = [
    act,
    { dispose: act },
    { [Symbol.dispose]: act },
    { [Symbol.asyncDispose]: act as () => Promise<void> },
  ];

  it.each([...FAILING, ...SILENT].map((fault) => [fault.name, fault] as const))(
    'and %s is called all the same, and stands in the report and in the log',
    async (_how, fault) => {
      weakness.mends();
      const scene = await start({
        providers: [
          ...providersAtEnd('session', SessionScoped, sessionScoped),
          ...providersAtEnd('group', GroupScoped, groupScoped),
        ],
      });
      const user = await scene.user();
      const { session } = user;
      for (const level of ['session', 'group'])
        for (const name of ['hooks', 'disposable', 'factory']) session.services.get(`${level} ${name}`);
      for (const owner of [session, session.group]) for (const each of owned) owner.takeOwnership(each);

      weakness.breaks(fault);
      const reports = await scene.recovers(user, fault.isSilent);
      expect(reports.session.disposed).toBe(7);
      expectFaults(reports.session, fault, atEndOf('session'));
      expectFaults(reports.group, fault, atEndOf('group'));
      const line = (name: string) => (what: string) => `${name} (terminated), ${what}: ${logOf(fault)}`;
      expect(faults()).toEqual([
        ...atEndOf('session').map(line(nameOf(session))),
        ...atEndOf('group').map(line(groupNameOf(session))),
      ]);
    },
  );
});
