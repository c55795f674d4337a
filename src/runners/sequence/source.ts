import { BadArgumentError } from '../../errors.js';

/** What a sequence runner can read from: see `createSequenceRunner`. */
export type SequenceSource<T> =
  SequenceItems<T> | ((signal: AbortSignal) => SequenceItems<T> | Promise<SequenceItems<T>>);

/** A generator that was called, an array, a stream that can be iterated ... */
export type SequenceItems<T> = Iterable<T> | AsyncIterable<T>;

/** The iterator of a source, and whether its steps are promises. */
export type OpenSource<T> = { isAsync: true; iterator: AsyncIterator<T> } | { isAsync: false; iterator: Iterator<T> };

/** @throws BadArgumentError that says what a source can be */
export function checkSource(source: unknown): void {
  if (typeof source === 'function' || isIterable(source) || isAsyncIterable(source)) return;
  throw new BadArgumentError(
    'Expected the source of a sequence runner to be an Iterable, an AsyncIterable, or a function of an AbortSignal that returns one',
  );
}

export function openItems<T>(items: SequenceItems<T>): OpenSource<T> {
  if (isAsyncIterable<T>(items)) return { isAsync: true, iterator: items[Symbol.asyncIterator]() };
  if (isIterable<T>(items)) return { isAsync: false, iterator: items[Symbol.iterator]() };
  throw new BadArgumentError(
    'The function given as the source of a sequence runner returned nothing that can be iterated',
  );
}

function isIterable<T>(value: unknown): value is Iterable<T> {
  return (
    value !== null && value !== undefined && typeof (value as Partial<Iterable<T>>)[Symbol.iterator] === 'function'
  );
}

function isAsyncIterable<T>(value: unknown): value is AsyncIterable<T> {
  return (
    value !== null &&
    value !== undefined &&
    typeof (value as Partial<AsyncIterable<T>>)[Symbol.asyncIterator] === 'function'
  );
}
