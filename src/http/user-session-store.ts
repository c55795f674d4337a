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
    this.wrap(store, 'destroy', (original, args) => {
      const [userSessionId] = args;
      if (typeof userSessionId !== 'string') return original(args);
      const settle = this.remember([userSessionId]);
      this.events.onDestroy(userSessionId);
      return callAndTell(original, args, settle);
    });
    this.wrap(store, 'clear', (original, args) =>
      callAndTell(original, args, this.remember(this.events.onClear(store))),
    );
    this.wrap(store, 'regenerate', (original, [req, callback]) => {
      const { sessionID } = req as SessionRequest;
      const settle = this.remember(sessionID === undefined ? [] : [sessionID]);
      const onDone = this.events.onRegenerate(req as SessionRequest);
      return original([req, calling(settle, calling(onDone, callback))]);
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

  /** @returns what to call with the store's answer: what the store could not end, has not ended */
  private remember(userSessionIds: readonly string[]): (error?: unknown) => void {
    const added = userSessionIds.filter((userSessionId) => !this.ended.has(userSessionId));
    for (const userSessionId of userSessionIds) {
      this.ended.delete(userSessionId);
      this.ended.add(userSessionId);
      const [oldest] = this.ended.size > REMEMBERED ? this.ended : [];
      if (oldest !== undefined) this.ended.delete(oldest);
    }
    return (error) => {
      if (hasFailed(error)) for (const userSessionId of added) this.ended.delete(userSessionId);
    };
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

/** Whether a store says that it could not do what it was asked; to express-session, too, what is not there is no error. */
export function hasFailed(error: unknown): boolean {
  return error !== undefined && error !== null && (error as { code?: unknown }).code !== 'ENOENT';
}

/** Calls a method, and tells `settle` how it ended. Some stores give a promise to who gives no callback. */
function callAndTell(original: (args: unknown[]) => unknown, args: unknown[], settle: Callback): unknown {
  const callback = args.at(-1);
  if (typeof callback === 'function') return original([...args.slice(0, -1), calling(settle, callback)]);
  const result = original(args);
  if (result instanceof Promise) result.catch(settle);
  return result;
}

function calling(first: Callback, second: unknown): Callback {
  return (error) => {
    first(error);
    if (typeof second === 'function') (second as Callback)(error);
  };
}
