/** How long, and until when, one waits for a lock. */
export interface AcquireOptions {
  /** How long to wait, in ms; 0: not at all, `Infinity`: as long as it takes. @default 30_000; 0 for `tryAcquire()` */
  timeoutMs?: number;
  /** Stops the waiting when it aborts. */
  signal?: AbortSignal;
}

/**
 * Mutual exclusion within one session, for what is done in several steps: whoever asks first gets it first. There is one
 * lock for each session and token; of what is group-scoped, one for all sessions of the user. Outside of a session there is
 * nothing to exclude: then `isReallyLocked` is false.
 * @example
 * ```ts
 * constructor(@InjectSessionLock(Cart) private readonly cartLock: SessionLock<Cart>) {}
 *
 * async checkOut() {
 *   using locked = await this.cartLock.acquire();
 *   await this.shop.order(locked.service.items);
 *   locked.service.clear();
 * }
 * ```
 */
export abstract class SessionLock<T> {
  /**
   * Waits for the lock, and then for what must be awaited of the service. Release it: with `using`, with `release()`, or by
   * giving it to a runner (option `holds`).
   * @throws BadArgumentError for bad options
   * @throws LockTimeoutError when it is not free in time
   * @throws LockAbortedError when the signal aborts; its `cause` is the signal's reason
   * @throws SessionEndedError when the session ends
   * @throws ScopeMisuseError within `run()`, and in a runner that holds it, which would wait for themselves. Elsewhere a second
   * `acquire()` of the same code cannot be told from one beside it: it waits; in a request, the log tells of it after 5 s.
   */
  abstract acquire(options?: AcquireOptions): Promise<LockedService<T>>;

  /** Like {@link acquire}, but undefined where it is not free in time: at once, unless `timeoutMs` says otherwise. */
  abstract tryAcquire(options?: AcquireOptions): Promise<LockedService<T> | undefined>;

  /**
   * Runs `fn` with the lock held, and releases it when `fn` has returned, resolved or failed. In `fn` the lock is known to be
   * held: to acquire it again is an error.
   * @returns what `fn` returns
   * @throws what {@link acquire} throws; BadArgumentError where `fn` is no function
   */
  abstract run<R>(fn: (service: T) => R | Promise<R>, options?: AcquireOptions): Promise<R>;
}

/** The service behind an acquired lock. */
export abstract class LockedService<T> implements Disposable, AsyncDisposable {
  /** What the session has for the token. */
  abstract readonly service: T;
  /** False outside of a session, where nothing is excluded, and after the release. */
  abstract readonly isReallyLocked: boolean;

  /** Lets the next one have it. A second call does nothing. */
  abstract release(): void;

  [Symbol.dispose](): void {
    this.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.release();
    return Promise.resolve();
  }
}
