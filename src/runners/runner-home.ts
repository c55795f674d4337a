import type { Clock } from '../clock.js';
import type { SessionEndReason } from '../errors.js';
import type { Expiry } from '../expiry.js';
import type { ResolvedOptions } from '../options.js';
import type { RunnerKeyOwner } from './runner-key.js';

/** What runners need of the session that they live in. */
export interface RunnerHome {
  readonly owner: RunnerKeyOwner;
  readonly endReason: SessionEndReason | undefined;
  readonly clock: Clock;
  readonly expiry: Expiry;
  readonly idleTimeoutMs: number;
  readonly limit: number;
  readonly sequence: ResolvedOptions['sequence'];
  /** Runs code of a runner in the session, holding nothing of whoever calls. */
  run<R>(fn: () => R): R;
  /** Logs a fault of the application's code that has nobody to go to. */
  warn(what: string, error: unknown): void;
}
