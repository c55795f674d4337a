import { ContextIdFactory, type ContextId, type ContextIdStrategy, type HostComponentInfo } from '@nestjs/core';
import type { ModulesContainer } from '@nestjs/core';
import { currentContextIdStrategy, durableInstancesOf } from '../nest-internals.js';
import { callEndHooks, type HookRunner } from '../scope/end-hooks.js';
import type { SessionEndReason } from '../errors.js';
import type { ContextCell } from '../scope/context.js';
import type { Scope } from '../scope/scope.js';

type Resolver = ReturnType<ContextIdStrategy['attach']>;

/**
 * Lets Nest's own durable providers live in the active session, and ends them with it. Nest asks one strategy for the whole
 * process: this one answers for requests of its application that have a session, and leaves all others to the strategy
 * that was there before.
 */
export class DurableProviders implements ContextIdStrategy {
  private previous: ContextIdStrategy | undefined;
  /** The application's own strategy may ask whom it has found, which may be this one. */
  private isAsked = false;
  private readonly contextIds = new WeakMap<Scope, ContextId>();

  constructor(
    /** The cell of a request of this application; undefined for others. */
    private readonly cellOf: (request: object) => ContextCell | undefined,
    private readonly modules: ModulesContainer,
  ) {}

  /** Makes Nest ask it, unless it does already: the application may have set a strategy of its own meanwhile. */
  ensureAsked(): void {
    const current = currentContextIdStrategy();
    for (let each = current; each instanceof DurableProviders; each = each.previous) if (each === this) return;
    this.previous = current;
    ContextIdFactory.apply(this);
  }

  /** Leaves the place to what was there before. */
  close(): void {
    let before: DurableProviders | undefined;
    let each = currentContextIdStrategy();
    while (each instanceof DurableProviders && each !== this) {
      before = each;
      each = each.previous;
    }
    if (each !== this) return;
    if (before === undefined) ContextIdFactory.apply(this.previous as ContextIdStrategy);
    else before.previous = this.previous;
  }

  attach(contextId: ContextId, request: object): Resolver {
    if (this.isAsked) return () => contextId;
    this.isAsked = true;
    try {
      const before = this.previous?.attach(contextId, request);
      const cell = this.cellOf(request);
      return cell === undefined ? (before ?? (() => contextId)) : this.resolverFor(cell, before, contextId);
    } finally {
      this.isAsked = false;
    }
  }

  private resolverFor(cell: ContextCell, before: Resolver | undefined, contextId: ContextId): Resolver {
    const resolveBefore = typeof before === 'function' ? before : before?.resolve.bind(before);
    // Once given it stays, whatever becomes of the session: Nest asks again for what it is making.
    let given: ContextId | undefined;
    const resolve = (info: HostComponentInfo): ContextId => {
      const own = info.isTreeDurable ? (given ??= this.contextIdFor(cell)) : undefined;
      return own ?? resolveBefore?.(info) ?? contextId;
    };
    return typeof before === 'object' ? { resolve, payload: before.payload } : resolve;
  }

  /** @throws SessionEndedError: what Nest would make for it now, nobody would end */
  private contextIdFor(cell: ContextCell): ContextId | undefined {
    const scope = cell.scope ?? (cell.isAvailable('session') ? cell.open() : undefined);
    if (scope === undefined) return undefined;
    if (!scope.isOpenAt('session')) throw scope.endedError();
    let contextId = this.contextIds.get(scope);
    if (contextId === undefined) {
      const made = (contextId = ContextIdFactory.create());
      this.contextIds.set(scope, made);
      scope.endFirst = (run, reason) => {
        this.contextIds.delete(scope);
        return this.end(made, run, reason);
      };
    }
    return contextId;
  }

  /** Those that depend on others first: they may use scoped instances, and none of those can use them. */
  private async end(contextId: ContextId, run: HookRunner, reason: SessionEndReason): Promise<number> {
    const ended = new Set<object>();
    // What Nest is still making is waited for; that may bring others into being.
    for (const { name, over } of durableInstancesOf(this.modules, contextId))
      if (over !== undefined) await run(`the making of ${name}`, () => over);
    for (const { name, instance } of durableInstancesOf(this.modules, contextId)) {
      if (instance === undefined || ended.has(instance)) continue;
      ended.add(instance);
      await callEndHooks(instance, name, reason, run);
    }
    return ended.size;
  }
}
