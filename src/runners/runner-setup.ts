import { BadArgumentError } from '../errors.js';
import { releaseAll, type GivenLock } from './holding.js';
import type { RunnerBase } from './runner-base.js';
import type { RunnerHome } from './runner-home.js';
import { RunnerKey, type RunnerId } from './runner-key.js';

/** What only {@link RunnerBase} needs. */
export interface RunnerInternals {
  readonly home: RunnerHome;
  /** Locks that the runner has until its work is over. */
  readonly locks: readonly GivenLock[];
}

/** What one runner is made with: its number, its name, and the session that it lives in. */
export class RunnerSetup {
  /** 0, 1, 2 ... in its session. */
  readonly number: number;
  /** What the browser gets. */
  readonly key: RunnerKey;
  readonly name: string | undefined;
  /** @internal */
  readonly internals: RunnerInternals;
  private runner: RunnerBase | undefined;
  private isClosed = false;

  constructor(number: number, name: string | undefined, internals: RunnerInternals) {
    this.number = number;
    this.name = name;
    this.internals = internals;
    this.key = RunnerKey.of(number, internals.home.owner);
  }

  /** For logs. */
  get id(): RunnerId {
    return { sessionId: this.key.sessionId, generation: this.key.generation, number: this.number };
  }

  /** @internal Where a runner that is made with it is going to live. */
  static homeOf(setup: RunnerSetup): RunnerHome {
    return internalsOf(setup).home;
  }

  /** @internal The runner that was made with it so far. */
  static madeWith({ runner }: RunnerSetup): RunnerBase | undefined {
    return runner;
  }

  /** @internal No runner was made with it, or will be. */
  static releaseLocks({ internals }: RunnerSetup): void {
    releaseAll(internals.locks);
  }

  /** @internal The factory is over. */
  static close(setup: RunnerSetup): void {
    setup.isClosed = true;
  }

  /** @internal @throws BadArgumentError for what is none, and where a runner was made with it before */
  static use(setup: RunnerSetup, runner: RunnerBase): RunnerInternals {
    const internals = internalsOf(setup);
    if (setup.isClosed)
      throw new BadArgumentError('The factory that was given this context is over: make the runner before it returns');
    if (setup.runner !== undefined)
      throw new BadArgumentError(`${setup.runner.label} was made with this context already: it is good for one runner`);
    setup.runner = runner;
    return internals;
  }
}

/** @throws BadArgumentError for what is no context */
function internalsOf(setup: RunnerSetup): RunnerInternals {
  if (setup instanceof RunnerSetup) return setup.internals;
  throw new BadArgumentError(
    'A runner of your own is made with the context that session.createRunner() gives to its factory',
  );
}
