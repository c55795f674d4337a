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
   * A request gets a new id for its user session: at login, and with passport at logout.
   * @returns what to call when it has it
   */
  onRegenerate(req: SessionRequest): () => void;
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
  private isOver = false;

  constructor(private readonly events: UserSessionEvents) {}

  /** Wraps the methods of a store, once. */
  watch(store: unknown): void {
    if (typeof store !== 'object' || store === null || this.isOver || this.watched.has(store)) return;
    this.watched.add(store);
    this.wrap(store, 'destroy', (original, args) => {
      const [userSessionId] = args;
      if (typeof userSessionId === 'string') {
        this.remember(userSessionId);
        this.events.onDestroy(userSessionId);
      }
      return original(args);
    });
    this.wrap(store, 'clear', (original, args) => {
      for (const userSessionId of this.events.onClear(store)) this.remember(userSessionId);
      return original(args);
    });
    this.wrap(store, 'regenerate', (original, [req, callback]) => {
      const onDone = this.events.onRegenerate(req as SessionRequest);
      const done: Callback = (error) => {
        onDone();
        (callback as Callback)(error);
      };
      return original([req, done]);
    });
    // An application's own `genid` may give an id again.
    this.wrap(store, 'generate', (original, args) => {
      original(args);
      const { sessionID } = args[0] as SessionRequest;
      if (sessionID !== undefined) this.ended.delete(sessionID);
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
