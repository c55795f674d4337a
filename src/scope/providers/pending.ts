import { isThenable } from '../../is-thenable.js';

/** Something that is being made and must be awaited. Only what is marked by this is: a singleton may well be a promise. */
export class Pending<T = unknown> {
  constructor(readonly promise: Promise<T>) {
    // Where something else fails first nobody waits for it any more: its own failure must not end the process.
    promise.catch(() => undefined);
  }
}

/** Calls `fn` with a value: now, or when it has been awaited where it is a promise. */
export function whenSettled<R>(value: unknown, fn: (value: unknown) => R | Pending<R>): R | Pending<R> {
  if (!isThenable(value)) return fn(value);
  return new Pending(Promise.resolve(value).then((settled) => unwrap(fn(settled))));
}

/** Calls `fn` with a value: now, or where that is pending, when it is there. */
export function whenMade<R>(value: unknown, fn: (value: unknown) => R | Pending<R>): R | Pending<R> {
  if (!(value instanceof Pending)) return fn(value);
  return new Pending(value.promise.then((made) => unwrap(fn(made))));
}

/** Calls `fn` with the values: now, or where some are pending, when those are there. */
export function whenAllMade<R>(
  values: readonly unknown[],
  fn: (values: readonly unknown[]) => R | Pending<R>,
): R | Pending<R> {
  if (!values.some((value) => value instanceof Pending)) return fn(values);
  const pending = values.filter((value) => value instanceof Pending);
  const all = Promise.all(pending.map(({ promise }) => promise));
  return new Pending(
    all.then((made: unknown[]) =>
      unwrap(fn(values.map((value) => (value instanceof Pending ? made[pending.indexOf(value)] : value)))),
    ),
  );
}

function unwrap<R>(result: R | Pending<R>): R | Promise<R> {
  return result instanceof Pending ? result.promise : result;
}

/** Whether a function says of itself that it is asynchronous; one that merely returns a promise does not. */
export function isAsyncFunction(value: unknown): boolean {
  return typeof value === 'function' && Object.prototype.toString.call(value) === '[object AsyncFunction]';
}
