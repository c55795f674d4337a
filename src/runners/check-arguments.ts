import { BadArgumentError } from '../errors.js';

/** @throws BadArgumentError unless the value is undefined or a whole number from `least` on */
export function checkWhole(name: string, value: unknown, least = 0): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= least)) return;
  if (value === Infinity && name !== 'startPosition') return;
  throw new BadArgumentError(`Expected ${name} to be a whole number >= ${least}, got ${shown(value)}`);
}

/** @throws BadArgumentError unless the value is undefined or a number of ms >= 0 */
export function checkWaitMs(value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return;
  throw new BadArgumentError(`Expected waitMs to be a number >= 0, got ${shown(value)}`);
}

function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : typeof value;
}
