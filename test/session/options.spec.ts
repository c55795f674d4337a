import { describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { ActiveSessionModule, Clock, type ActiveSessionModuleOptions } from 'nestjs-active-session';

/** What the start of an application with these options fails with; undefined where it succeeds. */
async function failureOf(options: unknown): Promise<unknown> {
  try {
    const imports = [ActiveSessionModule.forRoot(options as ActiveSessionModuleOptions)];
    const module = await Test.createTestingModule({ imports }).compile();
    await module.close();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The options in which the value at `name` (`limits.onLimit.sessions`) is this one. */
function optionsWith(name: string, value: unknown): unknown {
  return name.split('.').reduceRight((inner, key) => ({ [key]: inner }), value);
}

async function expectRefused(options: unknown, name: string, value: unknown): Promise<void> {
  const failure = await failureOf(options);
  expect(failure).toBeInstanceOf(TypeError);
  const { message } = failure as TypeError;
  expect(message).toMatch(/^ActiveSessionModule: expected option /);
  expect(message).toContain(`"${name}"`);
  expect(message).toContain(typeof value === 'string' ? `'${value}' (string)` : `${String(value)} (${typeof value})`);
}

describe('Options', () => {
  it.each([[''], [7], [[]], [['']], [['the real one', '']]])(
    'refuse a bad secret, and do not show it: %j',
    async (secret) => {
      const failure = await failureOf({ userSession: { secret } });
      expect(failure).toBeInstanceOf(TypeError);
      expect((failure as TypeError).message).toMatch(/expected option "userSession.secret" to be a non-empty string/);
      expect((failure as TypeError).message).not.toContain('the real one');
    },
  );

  const notDurations = [-1, NaN, '5', null, {}];
  const notPositive = [...notDurations, 0];
  const notCounts = [...notPositive, 1.5];
  const notTexts = ['', 7, null];
  const notFunctions = ['text', 7, {}];

  it.each<[string, unknown[]]>([
    ['userSession', [null, 'text', 7]],
    ['expiryWarningMs', [-1, NaN, '5', null]],
    ['userSessionTimeoutMs', notPositive],
    ['replaceAfterCleanup', ['no', 0]],
    ['identify', notFunctions],
    ['onRegenerate', ['keep', 7, null]],
    ['idSecret', notTexts],
    ['hostId', notTexts],
    ['idleTimeoutMs', notDurations],
    ['maxLifetimeMs', notPositive],
    ['runnerIdleTimeoutMs', notDurations],
    ['preload', ['yes', 1, null]],
    ['limits', [null, 7, 'text']],
    ['limits.sessions', notCounts],
    ['limits.sessionsPerGroup', notCounts],
    ['limits.runnersPerSession', notCounts],
    ['limits.onLimit', ['reject', 7]],
    ['limits.onLimit.sessions', ['evict', true]],
    ['limits.onLimit.sessionsPerGroup', ['evict', true]],
    ['cleanupTimeoutMs', [...notPositive, 10_000, Infinity]],
    ['shutdownTimeoutMs', notPositive],
    ['sequence', [null, 7]],
    ['sequence.defaultAdvance', notCounts],
    ['sequence.queueLimit', notCounts],
    ['sequence.replay', ['none', -1, 1.5]],
    ['sequence.sliceMs', notPositive],
    ['sequence.serializeError', notFunctions],
    ['problemDetails', ['no', 0]],
    ['clock', [{}, 7, { now: 7, setTimeout: 7 }]],
  ])('are refused at the start by name and value: %s', async (name, values) => {
    for (const value of values) await expectRefused(optionsWith(name, value), name, value);
  });

  it.each<[string, unknown, unknown]>([
    ['sessions[0]', 7, 7],
    ['sessions[0]', 'text', 'text'],
    ['sessions[1]', [{}, null], null],
    ['sessions[0].apply', { apply: 7 }, 7],
    ['sessions[1].path', [{}, { path: 7 }], 7],
    ['sessions[0].path', { path: null }, null],
    ['sessions[0].path', { path: '/shop/*' }, '/shop/*'],
    ['sessions[0].path', { path: '/shop/(.*)' }, '/shop/(.*)'],
    ['sessions[0].when', { when: true }, true],
    ['sessions[0].suffix', { suffix: 7 }, 7],
    ['sessions[0].suffix', { exclude: true, suffix: 'x' }, 'x'],
    ['sessions[0].exclude', { exclude: '/health' }, '/health'],
    ['sessions[0].suffix', { suffix: 'a b' }, 'a b'],
    ['sessions[0].suffix', { suffix: 'x'.repeat(65) }, 'x'.repeat(65)],
  ])('are refused at the start by name and value: %s as %j', async (name, sessions, value) => {
    await expectRefused({ sessions }, name, value);
  });

  it('are refused where they cannot work together', async () => {
    const failure = await failureOf({ identify: () => 'alice', onRegenerate: () => 'keep' });
    expect(String(failure)).toMatch(/"onRegenerate" to be left away beside "identify"/);
  });

  it.each([
    ['idelTimeoutMs', { idelTimeoutMs: 7 }],
    ['limits.session', { limits: { session: 7 } }],
    ['limits.onLimit.runnersPerSession', { limits: { onLimit: { runnersPerSession: 'reject' } } }],
    ['sequence.advance', { sequence: { advance: 7 } }],
    ['sessions[0].paht', { sessions: { paht: '/shop' } }],
  ])('that do not exist are refused, with those that do: %s', async (name, options) => {
    const failure = await failureOf(options);
    expect(failure).toBeInstanceOf(TypeError);
    expect((failure as TypeError).message).toMatch(/^ActiveSessionModule: there is no option .*\. Known are: \w+/);
    expect((failure as TypeError).message).toContain(`"${name}"`);
  });

  class MyClock extends Clock {
    override now = (): number => 0;
    override setTimeout = (): { cancel(): void } => ({ cancel: () => {} });
  }

  it.each<[string, ActiveSessionModuleOptions | undefined]>([
    ['none', undefined],
    ['no values', { sessions: undefined, userSession: undefined, limits: undefined, sequence: undefined }],
    ['the least', { idleTimeoutMs: 0, runnerIdleTimeoutMs: 0, limits: { sessions: 1 }, sequence: { replay: 0 } }],
    ['no bounds', { idleTimeoutMs: Infinity, maxLifetimeMs: Infinity, limits: { sessions: Infinity } }],
    ['a short shutdown, for which the clean-up gets half', { shutdownTimeoutMs: 100 }],
    ['several secrets', { userSession: { secret: ['new', 'old'] } }],
    ['rules of all kinds', { sessions: [{ path: '/a' }, { path: /b/ }, { apply: () => ({ mapped: true }) }] }],
    [
      'a rule of a class',
      {
        sessions: new (class Filter {
          apply = () => ({ mapped: true });
        })(),
      },
    ],
    ['a clock', { clock: new MyClock() }],
  ])('may be %s', async (_what, options) => {
    expect(await failureOf(options)).toBeUndefined();
  });
});
