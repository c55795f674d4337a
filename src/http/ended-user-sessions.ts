import type { Clock, ClockTimer } from '../clock.js';

/** So many are remembered: the oldest goes first. */
const REMEMBERED = 10_000;

export type StoreCallback = (error?: unknown) => void;

/** Remembers which user sessions have ended lately: what is slow must not bring them back. */
export class EndedUserSessions {
  /** And whether their store has said so. */
  private readonly ids = new Map<string, boolean>();
  private readonly timers = new Set<ClockTimer>();

  constructor(
    private readonly clock: Clock,
    /** How long a store may take to end one. */
    private readonly timeoutMs: number,
    /** A timer would keep the request that it is made in. */
    private readonly runClean: <R>(fn: () => R) => R,
  ) {}

  has(userSessionId: string): boolean {
    return this.ids.has(userSessionId);
  }

  /** An application's own `genid` has given an id again. */
  forget(userSessionId: string): void {
    this.ids.delete(userSessionId);
  }

  /**
   * A store is asked to end user sessions: they count as ended from now on.
   * @param onSettled told once how it went
   * @returns what to call with the store's answer. What the store could not end, or says nothing of, has not ended: its
   * owner can go on with it.
   */
  end(userSessionIds: readonly string[], onSettled: StoreCallback = () => undefined): StoreCallback {
    for (const userSessionId of userSessionIds) this.add(userSessionId, this.ids.get(userSessionId) ?? false);
    let isSettled = false;
    const settle: StoreCallback = (error) => {
      timer.cancel();
      this.timers.delete(timer);
      for (const userSessionId of userSessionIds)
        // Also when the answer is late: then it has ended after all.
        if (!hasFailed(error)) this.add(userSessionId, true);
        else if (this.ids.get(userSessionId) === false) this.ids.delete(userSessionId);
      if (isSettled) return;
      isSettled = true;
      onSettled(error);
    };
    const timer = this.runClean(() =>
      this.clock.setTimeout(() => settle(new Error('The store has not answered in time')), this.timeoutMs),
    );
    this.timers.add(timer);
    return settle;
  }

  close(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }

  private add(userSessionId: string, isConfirmed: boolean): void {
    this.ids.delete(userSessionId);
    this.ids.set(userSessionId, isConfirmed);
    const [oldest] = this.ids.size > REMEMBERED ? this.ids.keys() : [];
    if (oldest !== undefined) this.ids.delete(oldest);
  }
}

/** Whether a store says that it could not do what it was asked; to express-session, too, what is not there is no error. */
export function hasFailed(error: unknown): boolean {
  return error !== undefined && error !== null && (error as { code?: unknown }).code !== 'ENOENT';
}
