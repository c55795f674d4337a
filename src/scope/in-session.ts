import { AsyncLocalStorage } from 'node:async_hooks';
import { Observable, type MonoTypeOperatorFunction } from 'rxjs';

/**
 * Runs all that follows in the pipe in the session that has subscribed, whoever emits. Put it first behind a source
 * that sessions share: otherwise the operators behind it run in the session of whoever emits, with that user's services.
 * @example
 * ```ts
 * @Sse('prices')
 * prices() {
 *   return this.bus.pipe(inSession(), map((price) => ({ data: this.cart.priced(price) })));
 * }
 * ```
 */
export function inSession<T>(): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      const enter = AsyncLocalStorage.snapshot();
      return source.subscribe({
        next: (value) => enter(() => subscriber.next(value)),
        error: (error) => enter(() => subscriber.error(error)),
        complete: () => enter(() => subscriber.complete()),
      });
    });
}
