import { describe, expect, it } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ActiveSession, Runner } from 'nestjs-active-session';
import { settle } from '../support/fake-clock.js';
import { useSession } from './one-session.js';

const here = useSession({ runnerIdleTimeoutMs: 10_000 });
const requests = new AsyncLocalStorage<string>();

/** Who the running code belongs to: the session, and what a caller's context would bring along. */
interface Seen {
  readonly session: ActiveSession | undefined;
  readonly request: string | undefined;
}

/** Notes who runs each step of a runner's code. */
class Witness {
  private readonly seen = new Map<string, Seen>();

  readonly note = (step: string): void => {
    this.seen.set(step, { session: here.current(), request: requests.getStore() });
  };

  /** All steps were seen, in this session and without a request. */
  expectAllIn(session: ActiveSession | undefined, steps: string[]): void {
    expect([...this.seen.keys()].sort()).toEqual([...steps].sort());
    for (const [step, { session: actual, request }] of this.seen) {
      expect([step, actual?.id]).toEqual([step, session?.id]);
      expect([step, request]).toEqual([step, undefined]);
    }
  }

  forget(): void {
    this.seen.clear();
  }
}

/** All code that a sequence runner calls. */
function sequence({ note }: Witness): Runner {
  const runner = here.session.createSequenceRunner<number>((signal) => {
    note('source');
    signal.addEventListener('abort', () => note('signal'));
    const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve));
    let steps = 0;
    return {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          if (steps++ > 0) await stopped;
          note('next');
          await settle(1);
          note('next, after a wait');
          return { done: false, value: 1 };
        },
        return: async () => {
          note('return');
          return { done: true, value: undefined };
        },
      }),
    };
  });
  runner.completionSignal.addEventListener('abort', () => note('completion'));
  return runner;
}

function process({ note }: Witness): Runner {
  const runner = here.session.createProcessRunner(async (report, signal) => {
    note('body');
    await new Promise((resolve) =>
      signal.addEventListener('abort', () => {
        note('signal');
        resolve(undefined);
      }),
    );
    note('body, after a wait');
  });
  runner.completionSignal.addEventListener('abort', () => note('completion'));
  return runner;
}

describe.each([
  ['sequence', sequence, ['source'], ['signal', 'next', 'next, after a wait', 'return', 'completion']],
  ['process', process, ['body'], ['signal', 'body, after a wait', 'completion']],
])('The code of a %s runner runs in its session, and in nothing else', (_kind, create, firstSteps, lastSteps) => {
  const steps = [...firstSteps, ...lastSteps];
  const inRequest = <R>(fn: () => R): R => requests.run('of some caller', fn);

  it('whoever makes, reads and aborts it', async () => {
    const witness = new Witness();
    const runner = inRequest(() => create(witness));
    const read = inRequest(() => runner.getRequired({ advance: 2 }));
    await settle();
    inRequest(() => runner.abort());
    await read;
    await settle();
    witness.expectAllIn(here.session, steps);
  });

  it('also when another session aborts it', async () => {
    const witness = new Witness();
    const runner = create(witness);
    void runner.getRequired();
    await settle();
    const other = await here.another();
    other.bind(() => runner.abort())();
    await settle();
    witness.expectAllIn(here.session, steps);
  });

  it('also when its session is ended from a request', async () => {
    const witness = new Witness();
    const runner = create(witness);
    void runner.getRequired();
    await settle();
    witness.forget();
    await inRequest(() => here.session.terminate());
    // A session that ends is nobody's current one any more.
    witness.expectAllIn(undefined, lastSteps);
  });

  it('also when nobody reads it any more', async () => {
    const witness = new Witness();
    const runner = create(witness);
    runner.abort();
    await here.clock.advance(20_000);
    expect(here.session.getRunner(runner.number)).toBeUndefined();
    witness.expectAllIn(here.session, runner.kind === 'process' ? steps : ['completion']);
  });
});
