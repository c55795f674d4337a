import { BadInputError } from '../http/bad-input.error.js';
import { MAX_PAGE_SIZE, MIN_PAGE_SIZE } from '../preferences/page-size.js';

const MAX_WAIT_SECONDS = 30;
const WHOLE_NUMBER = /^\d{1,15}$/;
const SECONDS = /^\d{1,3}(\.\d{1,6})?$/;

export interface PageRead {
  from: number;
  max: number;
  waitMs: number;
}

/**
 * `?from=&max=&wait=`. `from` has no default: over a network, a read that does not say where it stands cannot be
 * repeated after a lost answer without losing rows.
 */
export function parseReadQuery(query: Record<string, unknown>, pageSize: number): PageRead {
  return {
    from: wholeNumber('from', query.from, 0, Number.MAX_SAFE_INTEGER),
    max: query.max === undefined ? pageSize : wholeNumber('max', query.max, MIN_PAGE_SIZE, MAX_PAGE_SIZE),
    waitMs: query.wait === undefined ? 0 : Math.ceil(seconds(query.wait) * 1_000),
  };
}

function wholeNumber(name: string, value: unknown, min: number, max: number): number {
  const number = typeof value === 'string' && WHOLE_NUMBER.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  const range = max === Number.MAX_SAFE_INTEGER ? `, ${min} or greater` : ` from ${min} to ${max}`;
  throw new BadInputError(`The query parameter "${name}" must be a whole number${range}.`);
}

function seconds(value: unknown): number {
  const number = typeof value === 'string' && SECONDS.test(value) ? Number(value) : Number.NaN;
  if (number <= MAX_WAIT_SECONDS) return number;
  throw new BadInputError(`The query parameter "wait" must be a number of seconds from 0 to ${MAX_WAIT_SECONDS}.`);
}
