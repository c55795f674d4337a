import type { RunnerResult } from '../runner.js';
import { RunnerBase } from '../runner-base.js';

/**
 * A runner over a sequence of items: the source is pulled in the background, not drained, and each read gets the next
 * items. What may be read again tells the option `replay`.
 */
export abstract class SequenceRunner<T = unknown> extends RunnerBase<T[]> {
  override readonly kind: string = 'sequence';
}

/** What a read of a sequence gives. */
export type SequenceResult<T> = RunnerResult<T[]>;
