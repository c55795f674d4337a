import type { SequenceOptions } from '../../options.js';
import type { RunnerSetup } from '../runner-setup.js';
import { LiveSequenceRunner } from './live-sequence-runner.js';
import type { SequenceItems } from './source.js';

/**
 * Extend it for a sequence runner of your own: {@link open} gives the items, all else is as with `createSequenceRunner()`. It is
 * made in a factory for `session.createRunner()`.
 * @example
 * ```ts
 * class Search extends SequenceRunnerBase<Line> {
 *   constructor(context: RunnerContext, private readonly files: Files, private readonly text: string) {
 *     super(context, { replay: 'all' });
 *   }
 *   protected open(signal: AbortSignal) {
 *     return this.files.search(this.text, signal);
 *   }
 * }
 * ```
 */
export abstract class SequenceRunnerBase<T = unknown> extends LiveSequenceRunner<T> {
  /**
   * @param setup the context that the factory was given
   * @param options over those of the module
   * @throws TypeError that names the option
   */
  protected constructor(setup: RunnerSetup, options: SequenceOptions = {}) {
    super(setup, (signal) => this.open(signal), options);
  }

  /**
   * What the items come from; called once, by the first read that waits, in the session. Where it throws, or rejects, the runner
   * has failed.
   * @param signal aborts when the runner is aborted or ends: take it, as nothing else can stop a source that waits
   */
  protected abstract open(signal: AbortSignal): SequenceItems<T> | Promise<SequenceItems<T>>;
}
