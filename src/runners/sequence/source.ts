import type { Readable } from 'node:stream';
import type { Subscribable } from 'rxjs';
import { BadArgumentError } from '../../errors.js';

/** What a sequence runner can read from: see `createSequenceRunner`. */
export type SequenceSource<T> =
  SequenceItems<T> | ((signal: AbortSignal) => SequenceItems<T> | Promise<SequenceItems<T>>);

/** A generator that was called, an array, a stream of Node or of the web, an Observable ... */
export type SequenceItems<T> = Iterable<T> | AsyncIterable<T> | WebStream<T> | Subscribable<T>;

/** A `ReadableStream`, as far as it is needed: platforms type it differently. */
export interface WebStream<T> {
  getReader(): { read(): Promise<{ done: boolean; value?: T | undefined }>; cancel(reason?: unknown): Promise<void> };
  cancel(reason?: unknown): Promise<void>;
}

/** A source that is pulled, and whether its steps are promises. */
export type PulledSource<T> = Closable &
  ({ isAsync: true; next(): Promise<IteratorResult<T>> } | { isAsync: false; next(): IteratorResult<T> });

/** Something that can be told that no more is wanted of it. */
export interface Closable {
  close(): unknown;
}

/**
 * Looks at a source, and listens to the errors of a stream: one before the first read would end the process otherwise.
 * @throws BadArgumentError that says what a source can be
 */
export function checkSource(source: unknown): void {
  if (isNodeStream(source)) source.on('error', () => undefined);
  if (typeof source === 'function' || isItems(source)) return;
  throw new BadArgumentError(
    'Expected the source of a sequence runner to be an Iterable, an AsyncIterable, a ReadableStream, an Observable, ' +
      'or a function of an AbortSignal that returns one',
  );
}

/** Looks at what a function has given as its source, like {@link checkSource}. */
export function checkItems<T>(items: SequenceItems<T>): SequenceItems<T> {
  if (!isItems(items))
    throw new BadArgumentError(
      'The function given as the source of a sequence runner returned nothing that can be iterated',
    );
  checkSource(items);
  return items;
}

/** Whether it pushes its items. What can be pulled is pulled. */
export function isPushed<T>(items: SequenceItems<T>): items is Subscribable<T> {
  return !isIterable(items) && !isAsyncIterable(items) && !isWebStream(items);
}

export function openPulled<T>(items: Exclude<SequenceItems<T>, Subscribable<T>>): PulledSource<T> {
  if (isNodeStream(items)) {
    const iterator = items[Symbol.asyncIterator]() as AsyncIterator<T>;
    // Its return() would wait for the chunk that is awaited, as would that of the stream below.
    return { isAsync: true, next: () => iterator.next(), close: () => void items.destroy() };
  }
  if (isWebStream<T>(items)) {
    const reader = items.getReader();
    return { isAsync: true, next: () => reader.read() as Promise<IteratorResult<T>>, close: () => reader.cancel() };
  }
  if (isAsyncIterable<T>(items)) {
    const iterator = items[Symbol.asyncIterator]();
    return { isAsync: true, next: () => iterator.next(), close: () => iterator.return?.() };
  }
  const iterator = items[Symbol.iterator]();
  return { isAsync: false, next: () => iterator.next(), close: () => iterator.return?.() };
}

function isItems(value: unknown): value is SequenceItems<unknown> {
  return isIterable(value) || isAsyncIterable(value) || isWebStream(value) || hasMethod(value, 'subscribe');
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'string' || hasMethod(value, Symbol.iterator);
}

function isAsyncIterable<T>(value: unknown): value is AsyncIterable<T> {
  return hasMethod(value, Symbol.asyncIterator);
}

function isWebStream<T>(value: unknown): value is WebStream<T> {
  return hasMethod(value, 'getReader') && hasMethod(value, 'cancel');
}

function isNodeStream(value: unknown): value is Readable {
  return isAsyncIterable(value) && hasMethod(value, 'on') && hasMethod(value, 'pipe') && hasMethod(value, 'destroy');
}

function hasMethod(value: unknown, key: PropertyKey): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as Record<PropertyKey, unknown>)[key] === 'function';
}
