import { describe, expect, it } from '@jest/globals';
import {
  BadRunnerKeyError,
  LimitReachedError,
  RunnerKey,
  RunnerStatus,
  type RunnerWanted,
} from 'nestjs-active-session';
import { settle } from '../support/fake-clock.js';
import { useSession } from './one-session.js';
import { isPending } from './pending.js';
import { Tap } from './tap.js';

const here = useSession();
const owner = { id: 'an_Id-suffix-1', generation: 19, stamp: 'nonce_-9' };
const TEXT = '42-19-an_Id-suffix-1~nonce_-9';

describe('The text of a runner key', () => {
  it('is number, generation, session and stamp, and fit for a URL as it is', () => {
    const text = RunnerKey.of(42, owner).toString();
    expect(text).toBe(TEXT);
    expect(encodeURIComponent(text)).toBe(text);
  });

  it('is what a template and JSON make of the key', () => {
    const key = RunnerKey.of(42, owner);
    expect(`${String(key)} ${JSON.stringify({ key })}`).toBe(`${TEXT} {"key":"${TEXT}"}`);
  });

  it('gives the key back', () => {
    const key = RunnerKey.parse(TEXT);
    expect(key).toEqual(RunnerKey.of(42, owner));
    expect(key).toMatchObject({ number: 42, generation: 19, sessionId: owner.id, stamp: owner.stamp });
    expect(RunnerKey.tryParse(TEXT)).toEqual(key);
  });

  it('gives back the key of a real runner', () => {
    const { key } = here.session.createSequenceRunner([]);
    expect(RunnerKey.parse(key.toString())).toEqual(key);
    expect(key).toMatchObject({ number: 0, generation: here.session.generation, sessionId: here.session.id });
  });

  it.each([
    ['0-1-a~b'],
    [`${Number.MAX_SAFE_INTEGER}-${Number.MAX_SAFE_INTEGER}-a~b`],
    ['0-1--~-'],
    ['0-1-_-_~_-_'],
    [`0-1-a~${'b'.repeat(200 - 6)}`],
  ])('may be %s', (text) => {
    expect(RunnerKey.parse(text).toString()).toBe(text);
  });

  it.each([
    ['nothing', ''],
    ['a number only', '42'],
    ['no generation', '42-an~s'],
    ['no session', '42-19-~s'],
    ['no session and no dash', '42-19~s'],
    ['no stamp', '42-19-an~'],
    ['no stamp and no tilde', '42-19-an'],
    ['two stamps', '42-19-an~s~s'],
    ['no number', '-19-an~s'],
    ['a leading zero of the number', '042-19-an~s'],
    ['a leading zero of the generation', '42-019-an~s'],
    ['generation 0', '42-0-an~s'],
    ['a negative number', '-42-19-an~s'],
    ['a sign', '+42-19-an~s'],
    ['a fraction', '4.2-19-an~s'],
    ['an exponent', '4e2-19-an~s'],
    ['a hexadecimal number', '0x2-19-an~s'],
    ['a number that is not safe', `${2 ** 53}-19-an~s`],
    ['a number of 17 digits', '12345678901234567-19-an~s'],
    ['a generation that is not safe', `42-${2 ** 53}-an~s`],
    ['digits that are not ASCII', '٤٢-19-an~s'],
    ['full-width digits', '４２-19-an~s'],
    ['a space before', ' 42-19-an~s'],
    ['a space behind', '42-19-an~s '],
    ['a space within', '42 -19-an~s'],
    ['a space in the session', '42-19-a n~s'],
    ['a newline at the end', '42-19-an~s\n'],
    ['a newline before', '\n42-19-an~s'],
    ['two lines', '42-19-an~s\n42-19-an~s'],
    ['colons', '42:19:an~s'],
    ['a colon in the session', '42-19-a:n~s'],
    ['a slash', '42-19-a/n~s'],
    ['a percent sign', '42-19-a%6e~s'],
    ['a letter that is not ASCII', '42-19-än~s'],
    ['NUL', '42-19-an~s\0'],
    ['201 characters', `0-1-a~${'b'.repeat(201 - 6)}`],
  ])('is refused with %s', (_what, text) => {
    expect(RunnerKey.tryParse(text)).toBeUndefined();
    expect(() => RunnerKey.parse(text)).toThrow(BadRunnerKeyError);
    expect(here.session.getRunner(text)).toBeUndefined();
  });

  it.each([[undefined], [null], [42], [{}], [['42-19-an~s']], [new String(TEXT)]])(
    'is a string, and not %p',
    (value) => {
      expect(RunnerKey.tryParse(value)).toBeUndefined();
      expect(() => RunnerKey.parse(value as string)).toThrow(BadRunnerKeyError);
    },
  );

  it('is refused in no time, however long it is', () => {
    expect(RunnerKey.tryParse('-'.repeat(10_000_000))).toBeUndefined();
    expect(RunnerKey.tryParse(`1-1-${'a-'.repeat(97)}`)).toBeUndefined();
  });

  it('is not part of its own error: clients get no echo', () => {
    let error: unknown;
    try {
      RunnerKey.parse('<script>');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'BAD_RUNNER_KEY', message: expect.not.stringContaining('script') });
    expect(JSON.stringify((error as BadRunnerKeyError).getResponse())).not.toContain('script');
  });
});

describe('A runner key', () => {
  it('is for the session that has its id, generation and stamp; the number does not matter', () => {
    expect(RunnerKey.of(42, owner).isFor(owner)).toBe(true);
    expect(RunnerKey.of(7, owner).isFor(owner)).toBe(true);
    for (const other of [{ id: 'an_Id' }, { generation: 20 }, { stamp: 'nonce_-8' }])
      expect(RunnerKey.of(42, owner).isFor({ ...owner, ...other })).toBe(false);
  });

  it('is not for the session of another user', async () => {
    const other = await here.another();
    const { key } = here.session.createSequenceRunner([]);
    other.createSequenceRunner([]);
    expect([key.isFor(here.session), key.isFor(other)]).toEqual([true, false]);
    expect([other.getRunner(key), other.getRunner(key.toString())]).toEqual([undefined, undefined]);
  });

  it('is beside an id for the log, which has no stamp', () => {
    const runner = here.session.createSequenceRunner([]);
    const { id: sessionId, generation } = here.session;
    expect(runner.id).toEqual({ sessionId, generation, number: runner.number });
  });
});

describe('A session finds its runners', () => {
  it('by number, by key, and by the text of the key', () => {
    const runners = [here.session.createSequenceRunner([]), here.session.createProcessRunner(() => 1)];
    for (const runner of runners)
      for (const key of [runner.number, runner.key, runner.key.toString(), RunnerKey.parse(String(runner.key))])
        expect(here.session.getRunner(key)).toBe(runner);
  });

  it('and none for a number that it never gave', () => {
    const { key } = here.session.createSequenceRunner([]);
    for (const number of [1, -1, 0.5, NaN, Infinity]) expect(here.session.getRunner(number)).toBeUndefined();
    expect(here.session.getRunner(RunnerKey.of(1, here.session))).toBeUndefined();
    expect(
      here.session.getRunner(new RunnerKey(key.number, key.generation + 1, key.sessionId, key.stamp)),
    ).toBeUndefined();
  });

  it.each<[RunnerWanted, boolean]>([
    [{}, true],
    [{ kind: 'sequence' }, true],
    [{ name: 'search' }, true],
    [{ kind: 'sequence', name: 'search' }, true],
    [{ kind: 'process' }, false],
    [{ name: 'import' }, false],
    [{ name: '' }, false],
    [{ kind: 'sequence', name: 'import' }, false],
    [{ kind: 'process', name: 'search' }, false],
  ])('of the kind and name that is wanted: %p', (want, isFound) => {
    const runner = here.session.createSequenceRunner([], { name: 'search' });
    expect(here.session.getRunner(runner.key, want)).toBe(isFound ? runner : undefined);
  });

  it('and lists them in the order in which they were made', () => {
    const runners = [0, 1, 2].map(() => here.session.createSequenceRunner([]));
    expect([...here.session.runners]).toEqual(runners.map((runner, number) => [number, runner]));
  });

  it('and says that it is no longer fresh', () => {
    expect(here.session.isFresh).toBe(true);
    here.session.createSequenceRunner([]);
    expect(here.session.isFresh).toBe(false);
  });

  it('no more once it has ended', async () => {
    const { key } = here.session.createSequenceRunner([]);
    await here.session.terminate();
    expect(() => here.session.getRunner(key)).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
    expect(() => here.session.createSequenceRunner([])).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
    expect(here.session.runners.size).toBe(0);
  });
});

describe('At limits.runnersPerSession', () => {
  const limited = useSession({ limits: { runnersPerSession: 3 } });
  const start = (): number => limited.session.createSequenceRunner(new Tap(), { startNow: true }).number;

  it('a runner more is refused while all others are unfinished', async () => {
    expect([start(), start(), start()]).toEqual([0, 1, 2]);
    expect(start).toThrow(LimitReachedError);
    expect(() => limited.session.createProcessRunner(() => 1)).toThrow(
      expect.objectContaining({ code: 'LIMIT_REACHED', limit: 'runnersPerSession' }),
    );
    expect([...limited.session.runners.keys()]).toEqual([0, 1, 2]);
    await settle();
  });

  it('an aborted one makes room', () => {
    start();
    const second = limited.session.getRunner(start());
    start();
    second?.abort();
    expect(start()).toBe(3);
    expect([...limited.session.runners.keys()]).toEqual([0, 2, 3]);
  });

  it('finished ones leave, oldest first, read or not', async () => {
    start();
    limited.session.createProcessRunner(() => 'done');
    await limited.session.createSequenceRunner([1]).getRequired();
    await settle();
    start();
    expect([...limited.session.runners.keys()]).toEqual([0, 2, 3]);
    start();
    expect([...limited.session.runners.keys()]).toEqual([0, 3, 4]);
    expect(start).toThrow(LimitReachedError);
  });

  it('finished ones are kept as long as there is room', async () => {
    for (let round = 0; round < 3; round++) await limited.session.createSequenceRunner([1]).getRequired();
    expect(limited.session.runners.size).toBe(3);
  });

  it('each session has its own', async () => {
    for (let round = 0; round < 3; round++) start();
    const other = await limited.another();
    expect(other.createSequenceRunner([]).number).toBe(0);
  });

  it('a refused one leaves nothing behind, and its number free', () => {
    for (let round = 0; round < 3; round++) start();
    const tap = new Tap();
    expect(() => limited.session.createSequenceRunner(tap, { dedupeKey: 'k', startNow: true })).toThrow(
      LimitReachedError,
    );
    expect([tap.pulls, tap.returns]).toEqual([0, 0]);
    limited.session.getRunner(0)?.abort();
    const made = limited.session.createSequenceRunner([], { dedupeKey: 'k' });
    expect(made.number).toBe(3);
  });
});

describe('The same dedupeKey', () => {
  it('gives the same runner, and leaves the second source alone', async () => {
    const tap = new Tap();
    const first = here.session.createSequenceRunner([1, 2], { dedupeKey: 'k', extraData: 'first' });
    const second = here.session.createSequenceRunner<number>(tap, {
      dedupeKey: 'k',
      extraData: 'second',
      startNow: true,
    });
    expect(second).toBe(first);
    expect(first.extraData).toBe('first');
    expect(await second.getRequired()).toMatchObject({ result: [1, 2] });
    expect(tap.pulls).toBe(0);
  });

  it.each(['completed', 'failed', 'aborted'])('gives it also when it has %s', async (end) => {
    const fail = (): number[] => {
      throw new Error('broken');
    };
    const runner = here.session.createSequenceRunner(end === 'failed' ? fail : [1], { dedupeKey: 'k' });
    if (end === 'aborted') runner.abort();
    await runner.getRequired();
    expect(runner.status).toBe(end);
    expect(here.session.createSequenceRunner([2], { dedupeKey: 'k' })).toBe(runner);
  });

  it('gives it at the limit, too', () => {
    const runner = here.session.createProcessRunner(() => new Promise<void>((resolve) => setImmediate(resolve)), {
      dedupeKey: 'k',
    });
    for (let count = 1; count < 64; count++) here.session.createSequenceRunner([]);
    expect(() => here.session.createSequenceRunner([])).toThrow(LimitReachedError);
    expect(here.session.createProcessRunner(() => undefined, { dedupeKey: 'k' })).toBe(runner);
  });

  it.each([
    [
      { name: 'a', dedupeKey: 'b' },
      { name: 'b', dedupeKey: 'b' },
    ],
    [{ dedupeKey: 'b' }, { name: 'b', dedupeKey: 'b' }],
    [{ dedupeKey: 'b' }, { dedupeKey: 'c' }],
    [{ dedupeKey: 'b' }, {}],
    [{ dedupeKey: '' }, {}],
    [
      { name: 'a b', dedupeKey: 'c' },
      { name: 'a', dedupeKey: 'b c' },
    ],
    [{ name: '', dedupeKey: 'a' }, { dedupeKey: 'a' }],
    [{}, {}],
  ])('is not this one: %p and %p', (first, second) => {
    expect(here.session.createSequenceRunner([], first)).not.toBe(here.session.createSequenceRunner([], second));
  });

  it('is another one for another kind, and for another session', async () => {
    const sequence = here.session.createSequenceRunner([], { dedupeKey: 'k' });
    const process = here.session.createProcessRunner(() => 1, { dedupeKey: 'k' });
    const elsewhere = (await here.another()).createSequenceRunner([], { dedupeKey: 'k' });
    expect(new Set<unknown>([sequence, process, elsewhere]).size).toBe(3);
  });

  it('includes one that was made with no text at all', () => {
    const first = here.session.createSequenceRunner([], { dedupeKey: '' });
    expect(here.session.createSequenceRunner([], { dedupeKey: '' })).toBe(first);
  });

  describe('of a runner that has gone', () => {
    const idle = useSession({ runnerIdleTimeoutMs: 10_000, limits: { runnersPerSession: 1 } });

    it('makes a new one', async () => {
      const options = { dedupeKey: 'k' };
      const first = idle.session.createSequenceRunner([1], options);
      await idle.clock.advance(11_000);
      const second = idle.session.createSequenceRunner([2], options);
      expect([first.number, second.number]).toEqual([0, 1]);
      second.abort();
      idle.session.createSequenceRunner([3]);
      expect(idle.session.runners.has(1)).toBe(false);
    });
  });
});

describe('trackRunnerCleanup', () => {
  it('resolves when the runner has ended and its source has stopped', async () => {
    let release: () => void = () => {};
    const runner = here.session.createProcessRunner(() => new Promise<void>((resolve) => (release = resolve)));
    const cleanup = here.session.trackRunnerCleanup(runner.number)!;
    const ended = here.session.terminate();
    expect(runner.status).toBe(RunnerStatus.Aborted);
    expect(await isPending(cleanup)).toBe(true);
    expect(await isPending(here.session.trackRunnerCleanup(runner.number)!)).toBe(true);
    release();
    await Promise.all([cleanup, ended]);
    expect(here.session.trackRunnerCleanup(runner.number)).toBeUndefined();
  });

  it('waits as long as the runner is kept, though its work is over', async () => {
    const runner = here.session.createSequenceRunner([]);
    await runner.getRequired();
    const cleanup = here.session.trackRunnerCleanup(runner.number)!;
    expect(await isPending(cleanup)).toBe(true);
    await here.session.terminate();
    await cleanup;
  });

  it('gives the same promise each time, and each runner its own', () => {
    const [one, two] = [here.session.createSequenceRunner([]), here.session.createSequenceRunner([])];
    const track = (runner: { number: number }): unknown => here.session.trackRunnerCleanup(runner.number);
    expect(track(one)).toBe(track(one));
    expect(track(one)).not.toBe(track(two));
  });

  it('knows nothing of a runner that never was', () => {
    expect(here.session.trackRunnerCleanup(0)).toBeUndefined();
  });

  describe('of a runner that gives way to a new one', () => {
    const limited = useSession({ limits: { runnersPerSession: 1 } });

    it('resolves, too', async () => {
      const tap = new Tap();
      const old = limited.session.createSequenceRunner(tap, { startNow: true });
      await settle();
      const cleanup = limited.session.trackRunnerCleanup(old.number);
      old.abort();
      limited.session.createSequenceRunner([]);
      await cleanup;
      expect(tap.returns).toBe(1);
    });
  });
});
