import { describe, expect, it } from '@jest/globals';

interface Chart {
  niceTicks(low: number, high: number, options?: { maxSteps?: number; minStep?: number }): number[];
  scale(domain: [number, number], range: [number, number]): (value: number) => number;
}

interface Units {
  bytes(number: number): string;
  duration(ms: number): string;
  milliseconds(ms: number): string;
}

const asset = (name: string): Promise<unknown> =>
  import(new URL(`../../sample-app/public/assets/${name}`, import.meta.url).href);
const { niceTicks, scale } = (await asset('chart.js')) as Chart;
const { bytes, duration, milliseconds } = (await asset('units.js')) as Units;

describe('niceTicks', () => {
  it.each([
    [0, 100, [0, 50, 100]],
    [0, 97, [0, 50, 100]],
    [0, 4, [0, 1, 2, 3, 4]],
    [0, 0.3, [0, 0.1, 0.2, 0.3]],
    [0, 1e9, [0, 5e8, 1e9]],
    [95, 105, [95, 100, 105]],
    [-3, 3, [-4, -2, 0, 2, 4]],
    [0, 0, [0, 0.5]],
    [5, 5, [4, 6]],
  ])('from %p to %p are %p', (low, high, ticks) => {
    expect(niceTicks(low, high)).toEqual(ticks);
  });

  it('have no halves of what has none', () => {
    expect(niceTicks(0, 0, { minStep: 1 })).toEqual([0, 1]);
    expect(niceTicks(0, 2, { minStep: 1 })).toEqual([0, 1, 2]);
  });
});

describe('scale', () => {
  it('maps the ends of the domain to those of the range', () => {
    const y = scale([0, 10], [100, 0]);
    expect([0, 5, 10].map(y)).toEqual([100, 50, 0]);
  });

  it('has a place for the only value', () => {
    expect(scale([7, 7], [10, 20])(7)).toBe(10);
  });
});

describe('Units', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1 kB'],
    [1_234_567, '1.23 MB'],
    [999_500, '1 MB'],
    [2e15, '2,000 TB'],
  ])('%p bytes are %p', (number, text) => {
    expect(bytes(number)).toBe(text);
  });

  it.each([
    [0, '0.0 s'],
    [1_240, '1.2 s'],
    [59_400, '59 s'],
    [59_600, '1 min 0 s'],
    [3_599_000, '59 min 59 s'],
    [7_260_000, '2 h 1 min'],
  ])('%p ms are %p', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it('tell three digits of milliseconds', () => {
    expect(milliseconds(1.23456)).toBe('1.23 ms');
  });
});
