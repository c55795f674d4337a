import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { ActiveSession } from 'nestjs-active-session';
import { SEARCH } from '../search/search.service.js';

/** The monitor sets a timer for each of these, and what it tells has them in it. */
const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

export interface ProcessLoad {
  heapUsedBytes: number;
  /** The longest delay of the event loop since the measurement before, or since the first one began. */
  eventLoopDelayMs: number;
  /** In this session. */
  runningSearches: number;
}

/** Tells what the process, and one session in it, are doing. It monitors from the first measurement until it is closed. */
export class ProcessGauge {
  private readonly delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor(private readonly runners: ActiveSession['runners']) {}

  measure(): ProcessLoad {
    this.delays.enable();
    const longestMs = this.delays.max / NS_PER_MS;
    this.delays.reset();
    return {
      heapUsedBytes: process.memoryUsage().heapUsed,
      eventLoopDelayMs: Math.max(0, longestMs - RESOLUTION_MS),
      runningSearches: this.runningSearches(),
    };
  }

  close(): void {
    this.delays.disable();
  }

  private runningSearches(): number {
    const runners = [...this.runners.values()];
    return runners.filter(({ name, isBackgroundCompleted }) => name === SEARCH && !isBackgroundCompleted).length;
  }
}
