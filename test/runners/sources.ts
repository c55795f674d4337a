import type { SequenceSource } from 'nestjs-active-session';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { Observable } from 'rxjs';
import type { Tap } from './tap.js';

interface Traits {
  /** It pushes: it has no room to wait for, and cannot be endless. */
  isPushed?: true;
  /** So many items it takes by itself before it is asked. */
  ahead?: number;
  /** It cannot fail with undefined. */
  needsError?: true;
}

async function* asynchronous<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

/** Made of an iterator, sync or async, by hand: the contract asks when it is pulled, and when it is closed. */
function webStream<T>(items: Iterable<T> | AsyncIterable<T>): ReadableStream<T> {
  let opened: Iterator<T> | AsyncIterator<T> | undefined;
  const iterator = () =>
    (opened ??= Symbol.iterator in items ? items[Symbol.iterator]() : items[Symbol.asyncIterator]());
  return new ReadableStream<T>(
    {
      async pull(controller) {
        const { done, value } = await iterator().next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await iterator().return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

function observable<T>(items: Iterable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const iterator = items[Symbol.iterator]();
    let isOver = false;
    subscriber.add(() => {
      if (!isOver) iterator.return?.();
    });
    try {
      for (let step = iterator.next(); !subscriber.closed; step = iterator.next()) {
        if (step.done === true) isOver = true;
        if (step.done === true) subscriber.complete();
        else subscriber.next(step.value);
      }
    } catch (error) {
      isOver = true;
      subscriber.error(error);
    }
  });
}

function waitingObservable(tap: Tap): Observable<number> {
  return new Observable((subscriber) => {
    let isOver = false;
    subscriber.add(() => {
      if (!isOver) void tap.return();
    });
    const give = async (): Promise<void> => {
      try {
        for (let step = await tap.next(); !subscriber.closed; step = await tap.next()) {
          if (step.done === true) isOver = true;
          if (step.done === true) subscriber.complete();
          else subscriber.next(step.value);
        }
      } catch (error) {
        isOver = true;
        subscriber.error(error);
      }
    };
    void give();
  });
}

const nodeStream = <T>(items: Iterable<T> | AsyncIterable<T>): Readable => Readable.from(items, { highWaterMark: 1 });

/** What a source can be, made of items that need not be waited for. */
export const SOURCES: [string, <T>(items: Iterable<T>) => SequenceSource<T>, Traits][] = [
  ['an iterable', (items) => items, {}],
  ['an async iterable', (items) => asynchronous(items), {}],
  ['a stream of Node', (items) => nodeStream(items), { ahead: 1, needsError: true }],
  ['a stream of the web', (items) => webStream(items), {}],
  ['an Observable', (items) => observable(items), { isPushed: true }],
  ['a function that returns an iterable', (items) => () => items, {}],
  ['a function that returns an async iterable', (items) => () => asynchronous(items), {}],
  ['a function that returns an Observable', (items) => () => observable(items), { isPushed: true }],
  ['a function that promises an iterable', (items) => () => Promise.resolve(items), {}],
  ['a function that promises an async iterable', (items) => async () => asynchronous(items), {}],
  [
    'a function that promises a stream of Node',
    (items) => async () => nodeStream(items),
    { ahead: 1, needsError: true },
  ],
  ['a function that promises a stream of the web', (items) => async () => webStream(items), {}],
];

/** The same, of a source that waits. */
export const WAITING_SOURCES: [string, (tap: Tap) => SequenceSource<number>, Traits][] = [
  ['an async iterable', (tap) => tap, {}],
  ['a stream of Node', (tap) => nodeStream(tap), { ahead: 1 }],
  ['a stream of the web', (tap) => webStream(tap), {}],
  ['an Observable', (tap) => waitingObservable(tap), { isPushed: true }],
  ['a function that returns an async iterable', (tap) => () => tap, {}],
  ['a function that promises an async iterable', (tap) => async () => tap, {}],
  ['a function that promises a stream of the web', (tap) => async () => webStream(tap), {}],
  ['a function that promises an Observable', (tap) => async () => waitingObservable(tap), { isPushed: true }],
];
