import { ContextIdFactory, type ContextId, type ContextIdStrategy, type HostComponentInfo } from '@nestjs/core';
import type { ModulesContainer } from '@nestjs/core';
import { SessionEndedError } from '../errors.js';
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
    const before = this.previous?.attach(contextId, request);
    const cell = this.cellOf(request);
    if (cell === undefined) return before ?? (() => contextId);
    const resolveBefore = typeof before === 'function' ? before : before?.resolve;
    const resolve = (info: HostComponentInfo): ContextId =>
      (info.isTreeDurable ? this.contextIdFor(cell) : undefined) ?? resolveBefore?.(info) ?? contextId;
    return typeof before === 'object' ? { ...before, resolve } : resolve;
  }

  /** @throws SessionEndedError: what Nest would make for it now, nobody would end */
  private contextIdFor(cell: ContextCell): ContextId | undefined {
    const scope = cell.scope ?? (cell.isAvailable('session') ? cell.open() : undefined);
    if (scope === undefined) return undefined;
    if (!scope.isOpenAt('session')) throw new SessionEndedError(scope.endReason ?? 'terminated');
    let contextId = this.contextIds.get(scope);
    if (contextId === undefined) {
      contextId = ContextIdFactory.create();
      this.contextIds.set(scope, contextId);
      const made = contextId;
      scope.endFirst = (run, reason) => this.end(made, run, reason);
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
