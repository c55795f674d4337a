import type { SessionRequest } from '../options.js';

type Callback = (error?: unknown) => void;
type Method = (this: unknown, ...args: unknown[]) => unknown;

/** The methods of a store of express-session that end, or bring back, user sessions. */
interface Store {
  destroy?: Method;
  clear?: Method;
  regenerate?: Method;
  generate?: Method;
  set?: Method;
}

/** What happens to user sessions in their store. */
export interface UserSessionEvents {
  /** A user session ends, by logout or by an administrator. */
  onDestroy(userSessionId: string): void;
  /** All user sessions of the store end. @returns the ids of those that are known */
  onClear(store: object): string[];
  /**
   * A request is about to get a new id for its user session: at login, and with passport at logout.
   * @returns what to call when it has it, or has failed to get it
   */
  onRegenerate(req: SessionRequest): (error?: unknown) => void;
}

/** So many ended user sessions are remembered: the oldest goes first. */
const REMEMBERED = 10_000;

/**
 * Learns of logouts. express-session tells nobody, so the methods of each store that is seen are wrapped, until
 * {@link unwatchAll}. A user session that has ended stays ended: a slow request that saves it late changes nothing.
 */
export class UserSessionStores {
  private readonly watched = new WeakSet();
  private readonly undo: (() => void)[] = [];
  private readonly ended = new Set<string>();
  private readonly formerIds = new WeakMap<SessionRequest, string>();
  private isOver = false;

  constructor(private readonly events: UserSessionEvents) {}

  /** Wraps the methods of a store, once. */
  watch(store: unknown): void {
    if (typeof store !== 'object' || store === null || this.isOver || this.watched.has(store)) return;
    this.watched.add(store);
    this.wrap(store, 'destroy', (original, [userSessionId, callback]) => {
      if (typeof userSessionId !== 'string') return original([userSessionId, callback]);
      this.remember(userSessionId);
      this.events.onDestroy(userSessionId);
      return original([userSessionId, this.forgetOnError([userSessionId], callback)]);
    });
    this.wrap(store, 'clear', (original, [callback]) => {
      const userSessionIds = this.events.onClear(store);
      for (const userSessionId of userSessionIds) this.remember(userSessionId);
      return original([this.forgetOnError(userSessionIds, callback)]);
    });
    this.wrap(store, 'regenerate', (original, [req, callback]) => {
      const { sessionID } = req as SessionRequest;
      if (sessionID !== undefined) this.remember(sessionID);
      const onDone = this.events.onRegenerate(req as SessionRequest);
      const done: Callback = (error) => {
        onDone(error);
        (callback as Callback)(error);
      };
      return original([req, this.forgetOnError(sessionID === undefined ? [] : [sessionID], done)]);
    });
    this.wrap(store, 'generate', (original, args) => {
      const req = args[0] as SessionRequest;
      const { sessionID: formerId } = req;
      original(args);
      if (formerId !== undefined && this.ended.has(formerId)) this.formerIds.set(req, formerId);
      // An application's own `genid` may give an id again.
      if (req.sessionID !== undefined) this.ended.delete(req.sessionID);
    });
    this.wrap(store, 'set', (original, args) => {
      const [userSessionId, , callback] = args;
      if (typeof userSessionId !== 'string' || !this.ended.has(userSessionId)) return original(args);
      if (typeof callback === 'function') setImmediate(callback as Callback);
      return undefined;
    });
  }

  /** Gives all stores their own methods back. */
  unwatchAll(): void {
    this.isOver = true;
    for (const undo of this.undo.splice(0)) undo();
  }

  /** Whether a user session has ended lately. */
  hasEnded(userSessionId: string): boolean {
    return this.ended.has(userSessionId);
  }

  /** The id in the cookie of a request, where that user session has ended lately and the request was given another. */
  formerIdOf(req: SessionRequest): string | undefined {
    return this.formerIds.get(req);
  }

  /** What the store could not end, has not ended: its owner can go on with it. */
  private forgetOnError(userSessionIds: readonly string[], callback: unknown): Callback {
    return (error) => {
      if (!isNothing(error)) for (const userSessionId of userSessionIds) this.ended.delete(userSessionId);
      if (typeof callback === 'function') (callback as Callback)(error);
    };
  }

  private remember(userSessionId: string): void {
    this.ended.delete(userSessionId);
    this.ended.add(userSessionId);
    const [oldest] = this.ended.size > REMEMBERED ? this.ended : [];
    if (oldest !== undefined) this.ended.delete(oldest);
  }

  private wrap(
    store: Store,
    name: keyof Store,
    around: (original: (args: unknown[]) => unknown, args: unknown[]) => unknown,
  ): void {
    const method = store[name];
    if (typeof method !== 'function') return;
    const isOwn = Object.hasOwn(store, name);
    const original = (args: unknown[]): unknown => method.apply(store, args);
    // Another application may have wrapped it, too: then this wrapper stays, and only passes on.
    const wrapper: Method = (...args) => (this.isOver ? original(args) : around(original, args));
    store[name] = wrapper;
    this.undo.push(() => {
      if (store[name] !== wrapper) return;
      if (isOwn) store[name] = method;
      else Reflect.deleteProperty(store, name);
    });
  }
}

/** Whether a callback of a store tells of no error. */
export function isNothing(error: unknown): error is null | undefined {
  return error === undefined || error === null;
}
