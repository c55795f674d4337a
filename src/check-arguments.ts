import { BadArgumentError } from './errors.js';

/** @throws BadArgumentError unless the value is a function */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function')
    throw new BadArgumentError(`Expected ${name} to be a function, got ${shown(value)}`, 500);
}

/** @throws BadArgumentError unless the value is an object */
export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null)
    throw new BadArgumentError(`Expected ${name} to be an object, got ${shown(value)}`, 500);
}

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

/** @throws BadArgumentError unless the value is undefined or an AbortSignal */
export function checkSignal(value: unknown): void {
  if (value === undefined || value instanceof AbortSignal) return;
  throw new BadArgumentError(`Expected signal to be an AbortSignal, got ${shown(value)}`);
}

/** Numbers, and of all else the kind: a message goes to clients, and not everything can be looked at. */
function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : value === null ? 'null' : typeof value;
}
