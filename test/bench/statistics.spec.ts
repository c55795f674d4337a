import { describe, expect, it } from '@jest/globals';
import { compare, meets } from '../../bench/harness/compare.js';
import { estimate, median, quantile } from '../../bench/harness/statistics.js';
import type { Sample } from '../../bench/harness/worker.js';

const samplesOf = (...each: number[]): Sample[] =>
  each.map((wallNs) => ({ count: 1, wallNs, cpuNs: wallNs, result: undefined }));

describe('The statistics of the benchmarks', () => {
  it('know the median of samples of odd and even size', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  it('know quantiles', () => {
    const sorted = Array.from({ length: 101 }, (_, index) => index);
    expect(quantile(sorted, 0.99)).toBe(99);
    expect(quantile(sorted, 0)).toBe(0);
  });

  it('give an interval around the median that is wide for scattered samples and narrow for close ones', () => {
    const close = estimate(Array.from({ length: 40 }, (_, index) => 100 + (index % 3)));
    const scattered = estimate(Array.from({ length: 40 }, (_, index) => 100 + (index % 3) * 40));
    for (const { median: middle, low, high } of [close, scattered]) {
      expect(low).toBeLessThanOrEqual(middle);
      expect(high).toBeGreaterThanOrEqual(middle);
    }
    expect(close.high - close.low).toBeLessThan(scattered.high - scattered.low);
    expect(estimate([5, 5, 5])).toEqual({ median: 5, low: 5, high: 5 });
  });

  it('give the same interval for the same sample', () => {
    const sample = [5, 1, 4, 2, 3, 9, 8];
    expect(estimate(sample)).toEqual(estimate(sample));
  });

  it('call a goal met only where the worse end of the interval meets it', () => {
    const ratio = { median: 1, low: 0.9, high: 1.1 };
    expect(meets(ratio, { atMost: 1.1 })).toBe(true);
    expect(meets(ratio, { atMost: 1.05 })).toBe(false);
    expect(meets(ratio, { atLeast: 0.9 })).toBe(true);
    expect(meets(ratio, { atLeast: 0.95 })).toBe(false);
  });

  it('compare pair by pair, less what both would take anyway', () => {
    const line = compare(samplesOf(110, 210, 310), samplesOf(180, 280, 380), {
      what: 'What it adds',
      peer: 'another',
      without: samplesOf(100, 200, 300),
      goal: { atMost: 0.2 },
    });
    expect(line).toMatchObject({
      ours: '10 ns',
      peer: 'another: 80 ns',
      ratio: '0.125 (0.125 to 0.125)',
      goal: 'at most 0.2',
      isMet: true,
    });
  });

  it('say how many times as fast ours is where that is the goal', () => {
    const line = compare(samplesOf(10, 10), samplesOf(20, 20), {
      what: 'Speed',
      peer: 'another',
      isSpeed: true,
      goal: { atLeast: 3 },
    });
    expect(line).toMatchObject({ ratio: '2 (2 to 2)', isMet: false });
  });
});
