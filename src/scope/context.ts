import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type { Preparation } from './providers/preparations.js';
import type { Scope } from './scope.js';

/**
 * What the asynchronous context of running code holds. Sockets and timers can keep a context alive for long, so a cell
 * leads to a scope, which is emptied when its session ends, and to nothing else.
 */
export abstract class ContextCell {
  /** Undefined until the session is first used. */
  abstract scope: Scope | undefined;
  /** Whether the end of the session waits for the code that runs with this cell: its runners and its hooks. */
  readonly isAwaited: boolean = false;
  /** What the code that runs with this cell is making. */
  readonly making?: Preparation | undefined;
  /** Whether only the code of one request runs with it. */
  readonly isOfOneRequest: boolean = false;

  /** The scope of the session, which is found or made at first use. @throws SessionUnavailableError */
  abstract open(): Scope;

  /** What a request without a session has instead, if it has been used. */
  get fallbackScope(): Scope | undefined {
    return undefined;
  }

  /** The fallback, made where there is none; undefined where there is, or can be, a session, and outside of requests. */
  openFallback(): Scope | undefined {
    return undefined;
  }

  /** The session or group object behind `scope`. */
  owner(level: Scope['level']): object {
    const scope = this.scope ?? this.open();
    return scope.ownerAt(level);
  }

  /** Whether there is a live session, or one would be created at first use. Never creates one. */
  isAvailable(level: Scope['level']): boolean {
    return this.scope?.isOpenAt(level) ?? false;
  }
}

/** The cell of code that runs in one given scope, in whatever context it is called. */
export class ScopeCell extends ContextCell {
  constructor(
    override readonly scope: Scope,
    override readonly isAwaited = false,
    override readonly making?: Preparation,
  ) {
    super();
  }

  override open(): Scope {
    return this.scope;
  }
}

/** A lock that code is known to hold. */
export interface KnownHold {
  readonly hold: { readonly isReleased: boolean };
  readonly outer: KnownHold | undefined;
}

/** Which session the running code belongs to: one storage for each application, so that two do not touch. */
export class SessionContext {
  private readonly storage = new AsyncLocalStorage<ContextCell>();
  /** In use only from the first lock on that code is known to hold. */
  private readonly lockStorage = new AsyncLocalStorage<KnownHold>();
  /** The context of the application's start, which holds nothing of any request. */
  private readonly startContext: <R>(fn: () => R) => R = AsyncLocalStorage.snapshot();

  current(): ContextCell | undefined {
    return this.storage.getStore();
  }

  /** Runs `fn` with `cell` in the context of the caller. */
  run<R>(cell: ContextCell, fn: () => R): R {
    return this.storage.run(cell, fn);
  }

  /**
   * Runs `fn` with `cell` and nothing of the caller's context. What lives longer than a request is made and run like
   * this: on Node 20 and 22 promises and timers keep the whole context in which they are made.
   */
  runClean<R>(cell: ContextCell | undefined, fn: () => R): R {
    if (cell === undefined) return this.enterClean(fn);
    return this.enterClean(() => this.storage.run(cell, fn));
  }

  /** The locks that the running code is known to hold, innermost first. */
  knownHolds(): KnownHold | undefined {
    return this.lockStorage.getStore();
  }

  /** Runs code that is known to hold a lock. What runs clean is not known to. */
  runHolding<R>(hold: KnownHold['hold'], fn: () => R): R {
    let outer = this.knownHolds();
    while (outer?.hold.isReleased === true) outer = outer.outer;
    return this.lockStorage.run({ hold, outer }, fn);
  }

  /**
   * On Node 20 and 22 all that enters one snapshot shares one AsyncResource, so that a store set by an outer call would be seen
   * by the inner one: each call gets a resource of its own, made where nothing is set.
   */
  private enterClean<R>(fn: () => R): R {
    return this.startContext(() => new AsyncResource('nestjs-active-session').runInAsyncScope(fn));
  }

  /** Undoes what the platform keeps for a storage in use. */
  disable(): void {
    this.storage.disable();
    this.lockStorage.disable();
  }
}
