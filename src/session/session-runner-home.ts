import type { Clock } from '../clock.js';
import type { SessionEndReason } from '../errors.js';
import type { Expiry } from '../expiry.js';
import type { ResolvedOptions } from '../options.js';
import type { RunnerHome } from '../runners/runner-home.js';
import type { ActiveSession } from './active-session.js';
import type { SessionEnvironment } from './environment.js';
import type { Life } from './life.js';

/** The home that a session gives its runners. */
export class SessionRunnerHome implements RunnerHome {
  constructor(
    readonly owner: ActiveSession,
    private readonly life: Life,
    private readonly environment: SessionEnvironment,
  ) {}

  get endReason(): SessionEndReason | undefined {
    return this.life.endReason;
  }

  get clock(): Clock {
    return this.environment.options.clock;
  }

  get expiry(): Expiry {
    return this.environment.expiry;
  }

  get idleTimeoutMs(): number {
    return this.environment.options.runnerIdleTimeoutMs;
  }

  get limit(): number {
    return this.environment.options.limits.runnersPerSession;
  }

  get sequence(): ResolvedOptions['sequence'] {
    return this.environment.options.sequence;
  }

  run<R>(fn: () => R): R {
    return this.life.runAwaited(fn);
  }

  warn(what: string, error: unknown): void {
    this.life.warn(what, error);
  }
}
