/** A figure and how far chance may have moved it. */
export interface Estimate {
  readonly median: number;
  /** The bounds between which the median lies with a probability of 95 %. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2_000;

/** The median of a sample with its bootstrap interval. The same sample always gives the same interval. */
export function estimate(sample: readonly number[]): Estimate {
  const random = pseudoRandom(sample.length);
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(sample.map(() => sample[Math.floor(random() * sample.length)] ?? NaN)),
  ).sort((one, other) => one - other);
  return { median: median(sample), low: quantile(medians, 0.025), high: quantile(medians, 0.975) };
}

export function median(sample: readonly number[]): number {
  const sorted = [...sample].sort((one, other) => one - other);
  return (quantile(sorted, 0.5) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? NaN)) / 2;
}

/** Of a sample in ascending order: the value below which this part of it lies. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.floor((sorted.length - 1) * part)] ?? NaN;
}

/** Numbers from 0 to 1, the same ones for the same seed: Mulberry32. */
export function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
