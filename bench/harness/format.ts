import type { Estimate } from './statistics.js';

const UNITS: readonly (readonly [size: number, unit: string])[] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
];

/** A duration in ns, with three digits. */
export function inTime(ns: number): string {
  const [size, unit] = UNITS.find(([each]) => Math.abs(ns) >= each) ?? [1, 'ns'];
  return `${inDigits(ns / size)} ${unit}`;
}

export function inDigits(value: number): string {
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

/** A ratio with its interval. */
export function inRatio({ median, low, high }: Estimate): string {
  return `${inDigits(median)} (${inDigits(low)} to ${inDigits(high)})`;
}

/** Columns of text, padded. */
export function inColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}
