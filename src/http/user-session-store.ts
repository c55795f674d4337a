import type { SessionRequest } from '../options.js';
import type { EndedUserSessions, StoreCallback } from './ended-user-sessions.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Original = (args: unknown[]) => unknown;

/** The methods of a store of express-session that end, or bring back, user sessions. */
interface Store {
  get?: Method;
  destroy?: Method;
  clear?: Method;
  regenerate?: Method;
  generate?: Method;
  set?: Method;
  touch?: Method;
}

/** What happens to user sessions in their store. */
export interface UserSessionEvents {
  /** A user session ends, by logout or by an administrator. */
  onDestroy(userSessionId: string): void;
  /** All user sessions of the store end. @returns the ids of those that are known */
  onClear(store: object): string[];
  /**
   * A request is about to get a new id for its user session: at login, and with passport at logout.
   * @returns what to call, once, when it has it, or has failed to get it
   */
  onRegenerate(req: SessionRequest): StoreCallback;
  /** Whether a request in flight has replaced this user session: its browser is about to get a new cookie. */
  isBeingReplaced(userSessionId: string): boolean;
}

/**
 * Learns of logouts. express-session tells nobody, so the methods of each store that is seen are wrapped, until
 * {@link unwatchAll}. A user session that has ended stays ended: a slow request that saves it late changes nothing.
 */
export class UserSessionStores {
  private readonly watched = new WeakSet();
  private readonly undo: (() => void)[] = [];
  private readonly lateRequests = new WeakSet<SessionRequest>();
  /** While a store answers a request whose user session has ended while it was being read. */
  private isAnsweringLate = false;
  private isOver = false;

  constructor(
    private readonly events: UserSessionEvents,
    private readonly ended: EndedUserSessions,
  ) {}

  /** Wraps the methods of a store, once. */
  watch(store: unknown): void {
    if (typeof store !== 'object' || store === null || this.isOver || this.watched.has(store)) return;
    this.watched.add(store);
    this.watchEnds(store);
    this.watchReading(store);
    this.wrap(store, 'touch', callOrTell);
    this.wrap(store, 'set', (original, args) => {
      const [userSessionId, , callback] = args;
      if (typeof userSessionId !== 'string' || !this.ended.has(userSessionId)) return callOrTell(original, args);
      if (typeof callback === 'function') setImmediate(callback as StoreCallback);
      return undefined;
    });
  }

  /** Gives all stores their own methods back. */
  unwatchAll(): void {
    this.isOver = true;
    for (const undo of this.undo.splice(0)) undo();
  }

  /**
   * Whether a request began with the cookie of a user session that has ended since, or is being replaced. A session for
   * it would send a cookie that takes the place of a new one.
   */
  isLate(req: SessionRequest): boolean {
    return this.lateRequests.has(req);
  }

  private watchEnds(store: Store): void {
    this.wrap(store, 'destroy', (original, args) => {
      const [userSessionId, callback] = args;
      // A request that was logged out has none, and gets another: a store must not be asked to end nothing.
      if (typeof userSessionId !== 'string') {
        if (typeof callback === 'function') setImmediate(callback as StoreCallback);
        return undefined;
      }
      const settle = this.ended.end([userSessionId]);
      this.events.onDestroy(userSessionId);
      return callAndTell(original, args, settle);
    });
    this.wrap(store, 'clear', (original, args) =>
      callAndTell(original, args, this.ended.end(this.events.onClear(store))),
    );
    this.wrap(store, 'regenerate', (original, [req, callback]) => {
      const { sessionID } = req as SessionRequest;
      const onDone = this.events.onRegenerate(req as SessionRequest);
      const settle = this.ended.end(sessionID === undefined ? [] : [sessionID], onDone);
      // express-session calls back in any case.
      return callAndTell(original, [req, typeof callback === 'function' ? callback : () => undefined], settle);
    });
  }

  private watchReading(store: Store): void {
    this.wrap(store, 'get', (original, args) => {
      const [userSessionId, callback] = args;
      if (typeof userSessionId !== 'string' || typeof callback !== 'function') return original(args);
      const hadEnded = this.ended.has(userSessionId);
      const isLate = hadEnded && this.events.isBeingReplaced(userSessionId);
      const answer = (...results: unknown[]): void => {
        this.isAnsweringLate = isLate || (!hadEnded && this.ended.has(userSessionId));
        try {
          (callback as Method)(...results);
        } finally {
          this.isAnsweringLate = false;
        }
      };
      return original([userSessionId, answer]);
    });
    // What is not found, express-session makes anew, at once.
    this.wrap(store, 'generate', (original, args) => {
      const req = args[0] as SessionRequest;
      if (this.isAnsweringLate) this.lateRequests.add(req);
      this.isAnsweringLate = false;
      original(args);
      if (req.sessionID !== undefined) this.ended.forget(req.sessionID);
    });
  }

  private wrap(store: Store, name: keyof Store, around: (original: Original, args: unknown[]) => unknown): void {
    const method = store[name];
    if (typeof method !== 'function') return;
    const isOwn = Object.hasOwn(store, name);
    const original: Original = (args) => method.apply(store, args);
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

/** express-session calls these while an answer ends: what is thrown there would keep it from ending. */
function callOrTell(original: Original, args: unknown[]): unknown {
  try {
    return original(args);
  } catch (error) {
    const callback = args.at(-1);
    if (typeof callback !== 'function') throw error;
    setImmediate(callback as StoreCallback, error ?? new Error('The store has thrown'));
    return undefined;
  }
}

/** Calls a method, and tells `settle` how it went. Some stores give a promise to who gives no callback. */
function callAndTell(original: Original, args: unknown[], settle: StoreCallback): unknown {
  const callback = args.at(-1);
  const hasCallback = typeof callback === 'function';
  const told = (error: unknown, ...more: unknown[]): void => {
    settle(error);
    (callback as Method)(error, ...more);
  };
  try {
    const result = original(hasCallback ? [...args.slice(0, -1), told] : args);
    // A rejection stays one: where there is a callback, nobody else has the promise.
    if (result instanceof Promise) tellOfPromise(result, settle, hasCallback);
    else if (!hasCallback) settle();
    return result;
  } catch (error) {
    settle(error ?? new Error('The store has thrown'));
    throw error;
  }
}

function tellOfPromise(result: Promise<unknown>, settle: StoreCallback, hasCallback: boolean): void {
  void result.then(
    () => {
      if (!hasCallback) settle();
    },
    (error: unknown) => {
      settle(error ?? new Error('The store has failed'));
      if (hasCallback) throw error;
    },
  );
}
