import { Observable, Subscriber, type Observer, type OperatorFunction, type Subscription } from 'rxjs';

type OnError = (error: unknown) => void;
type Handler = ((value?: unknown) => unknown) | null;

/**
 * The same Observable for subscribers that are isolated: what one throws, or rejects with, goes to `onError`, also behind
 * `pipe()`. rxjs would throw it from a timer, and that ends the process.
 */
export function isolateSubscribers<T>(source: Observable<T>, onError: OnError): Observable<T> {
  return Object.assign(new Observable<T>((subscriber) => source.subscribe(subscriber)), {
    subscribe(observer?: Partial<Observer<T>> | Handler, error?: Handler, complete?: Handler): Subscription {
      // Operators hand errors on by themselves.
      if (observer instanceof Subscriber) return source.subscribe(observer);
      const given = typeof observer === 'object' && observer !== null ? observer : { next: observer, error, complete };
      const isolated = (handler: unknown) => (value?: unknown) => callIsolated(given, handler, value, onError);
      return source.subscribe({
        next: isolated(given.next),
        error: typeof given.error === 'function' ? isolated(given.error) : onError,
        complete: isolated(given.complete),
      });
    },
    pipe: (...operators: OperatorFunction<unknown, unknown>[]) =>
      isolateSubscribers(
        operators.reduce<Observable<unknown>>((from, operator) => operator(from), source),
        onError,
      ),
  });
}

function callIsolated(observer: object, handler: unknown, value: unknown, onError: OnError): void {
  if (typeof handler !== 'function') return;
  try {
    const result: unknown = handler.call(observer, value);
    if (result instanceof Promise) result.catch(onError);
  } catch (error) {
    onError(error);
  }
}
