import type { SequenceOptions } from '../../options.js';
import type { RunnerSetup } from '../runner-setup.js';
import { SequenceRunnerBase } from '../sequence/sequence-runner-base.js';
import { checkMeasuring, measurements, type Gauge, type MeasuringOptions, type TimePoint } from './measurements.js';

/**
 * A sequence runner over measurements: a gauge is asked again and again, in equal intervals. It starts with its first read that
 * waits, or at once with `startNow`, and is read like every sequence.
 */
export class TimeSeriesRunner<T = unknown> extends SequenceRunnerBase<TimePoint<T>> {
  override readonly kind = 'time-series';

  /** @throws BadArgumentError, TypeError that name the option */
  constructor(
    setup: RunnerSetup,
    private readonly gauge: Gauge<T>,
    private readonly measuring: MeasuringOptions,
    options: SequenceOptions = {},
  ) {
    checkMeasuring(gauge, measuring);
    super(setup, options);
  }

  protected override open(signal: AbortSignal): AsyncIterable<TimePoint<T>> {
    return measurements(this.gauge, this.measuring, this.home.clock, signal);
  }
}
