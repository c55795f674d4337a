import { describe, expect, it } from '@jest/globals';
import {
  BadArgumentError,
  getActiveSession,
  type ActiveSessionModuleOptions,
  type SessionRule,
} from 'nestjs-active-session';
import { done } from '../support/done.js';
import { tabOf } from '../support/session-app.js';
import { each, REJECTING, SILENT, THROWING, type Fault } from './faults.js';
import { expectClean, nameOf, useScenes } from './scene.js';

const { start, faults } = useScenes();

const ASYNCHRONOUS = [...REJECTING, ...SILENT];

const isFaulty = ({ url }: { url?: string }): boolean => url === '/faulty';

/** A function of the request that fails for `/faulty`, and nowhere else. */
type Asked = (act: () => unknown) => ActiveSessionModuleOptions;

const rule =
  (of: (act: () => unknown) => SessionRule): Asked =>
  (act) => ({ sessions: [of(act), { suffix: tabOf }] });

/** What a promise, which none of them may return, is answered with. */
const ASKED: [string, Asked, number][] = [
  ['`when` of a rule', rule((act) => ({ when: (req) => isFaulty(req) && (act() as boolean) })), 500],
  ['`suffix` of a rule', rule((act) => ({ suffix: (req) => (isFaulty(req) ? (act() as string) : undefined) })), 400],
  [
    'apply() of a filter',
    rule((act) => ({ apply: (req) => (isFaulty(req) ? (act() as { mapped: boolean }) : { mapped: false }) })),
    500,
  ],
  [
    '`identify`',
    (act) => ({
      userSession: { secret: 'a secret', saveUninitialized: true },
      identify: (req) => (isFaulty(req) ? (act() as string) : req.sessionID),
    }),
    503,
  ],
];

describe('The option', () => {
  const handlers = { faulty: (req: object) => ({ id: getActiveSession(req).id }) };

  it.each([
    ...each(ASKED, THROWING).map(([place, how, fault, [, asked]]) => [place, how, fault, asked, 500] as const),
    ...each(ASKED, ASYNCHRONOUS).map(
      ([place, how, fault, [, asked, status]]) => [place, how, fault, asked, status] as const,
    ),
  ])('%s that %s costs that request its answer', async (_place, _how, fault, asked, expected) => {
    const scene = await start({ options: asked(fault.act), handlers });
    const user = await scene.user();
    const { created } = scene.registry.stats();
    expect((await user.browser.get('/faulty')).status).toBe(expected);
    // A fault of the program is logged by Nest; what is only answered is not.
    expect(faults()).toHaveLength(expected === 500 ? 1 : 0);
    expect(scene.registry.stats().created).toBe(created);
    expectClean(await scene.recovers(user));
  });

  const why = ({ text }: Fault, isThrown: boolean): string =>
    isThrown
      ? `The option "onRegenerate" has thrown, so the active sessions end: ${text}`
      : "Expected \"onRegenerate\" to return 'end' or 'keep', at once, got object: it ends";

  it.each([
    ...THROWING.map((fault) => [fault.name, fault, true] as const),
    ...ASYNCHRONOUS.map((fault) => [fault.name, fault, false] as const),
  ])('`onRegenerate` that %s ends the sessions of that user', async (_how, fault, isThrown) => {
    const scene = await start({
      options: { onRegenerate: fault.act as () => 'end' },
      handlers: { login: (req) => done((callback) => req.session.regenerate(callback)) },
    });
    const { browser, session } = await scene.user();
    expect((await browser.get('/login')).status).toBe(200);
    expect(session.endReason).toBe('user-session-ended');
    expect(faults()).toEqual([why(fault, isThrown)]);
    expectClean(await scene.recovers({ browser, session: await scene.enter(browser) }));
  });

  it.each([...THROWING, ...ASYNCHRONOUS].map((fault) => [fault.name, fault] as const))(
    '`serializeError` that %s leaves the read its answer, without details',
    async (_how, fault) => {
      const serializeError = fault.act as () => { name: string };
      const scene = await start({
        options: { sequence: { serializeError } },
        handlers: { read: (req) => getActiveSession(req).getRunner(0)?.getRequired() },
      });
      const user = await scene.user();
      user.session.createSequenceRunner(() => {
        throw new Error('a secret');
      });
      const { status, body } = await user.browser.get('/read');
      expect([status, body]).toMatchObject([200, { status: 'failed', error: { name: 'Error' } }]);
      const text = THROWING.includes(fault) ? fault.text : 'expected it to return an object, at once, got a promise';
      expect(faults()).toEqual([`${nameOf(user.session)}, sequence runner 0: serializeError: ${text}`]);
      expectClean(await scene.recovers(user));
    },
  );

  it.each([...THROWING, ...ASYNCHRONOUS].map((fault) => [fault.name, fault] as const))(
    '`sizeOf` that %s fails the runner that it was to measure for',
    async (_how, fault) => {
      const scene = await start({
        options: { sequence: { serializeError: () => ({ name: 'Error' }) } },
        handlers: { read: (req) => getActiveSession(req).getRunner(0)?.getRequired() },
      });
      const user = await scene.user();
      const sizeOf = fault.act as () => number;
      const runner = user.session.createSequenceRunner([1, 2], { queueLimitBytes: 10, sizeOf });
      expect((await user.browser.get('/read')).body).toMatchObject({ result: [], status: 'failed' });
      if (THROWING.includes(fault)) expect(Object.is(runner.error, fault.thrown)).toBe(true);
      else expect(runner.error).toBeInstanceOf(BadArgumentError);
      expectClean(await scene.recovers(user));
    },
  );
});
