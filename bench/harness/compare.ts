import { inRatio, inTime } from './format.js';
import type { Line } from './row.js';
import { estimate, median, type Estimate } from './statistics.js';
import { wallEach } from './interleave.js';
import type { Sample } from './worker.js';

/** Which bound of a ratio a goal is about. */
export type Goal = { readonly atMost: number } | { readonly atLeast: number };

/** Whether even the worse end of the interval meets the goal. */
export function meets({ low, high }: Estimate, goal: Goal): boolean {
  return 'atMost' in goal ? high <= goal.atMost : low >= goal.atLeast;
}

export interface Comparison {
  readonly what: string;
  readonly peer: string;
  readonly goal?: Goal;
  /** What one time of the work took, in ns. */
  readonly each?: (sample: Sample) => number;
  /** What is taken off both: what they would take without what is measured. */
  readonly without?: readonly Sample[];
  /** The other way round: how many times as fast ours is. */
  readonly isSpeed?: boolean;
  readonly note?: string;
}

/** A line of the table from samples that were taken in turn. */
export function compare(ours: readonly Sample[], peers: readonly Sample[], comparison: Comparison): Line {
  const { what, peer, goal, each = wallEach, without, isSpeed = false, note } = comparison;
  const taken = (samples: readonly Sample[]): number[] =>
    samples.map((sample, at) => each(sample) - (without?.[at] === undefined ? 0 : each(without[at])));
  const own = taken(ours);
  const others = taken(peers);
  const ratio = estimate(own.map((value, at) => (isSpeed ? (others[at] ?? NaN) / value : value / (others[at] ?? NaN))));
  return {
    what,
    ours: inTime(median(own)),
    peer: `${peer}: ${inTime(median(others))}`,
    ratio: inRatio(ratio),
    ...(goal !== undefined && { goal: inWords(goal), isMet: meets(ratio, goal) }),
    ...(note !== undefined && { note }),
  };
}

function inWords(goal: Goal): string {
  return 'atMost' in goal ? `at most ${goal.atMost}` : `at least ${goal.atLeast}`;
}
