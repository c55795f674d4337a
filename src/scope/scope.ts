import { SessionEndedError, ScopeMisuseError, type SessionEndReason } from '../errors.js';
import { ContextCell, type SessionContext } from './context.js';
import { callEndHooks, type HookRunner } from './end-hooks.js';
import type { ScopedClassProvider } from './scoped-class-provider.js';

export type ScopeLevel = 'session' | 'group';

/** The session or group that a scope belongs to. */
export interface ScopeOwner {
  readonly endReason?: SessionEndReason | undefined;
}

interface Created {
  readonly provider: ScopedClassProvider;
  readonly instance: object;
}

/** Takes the place of an instance that is being constructed. */
const BUILDING = Symbol('building');
/** Shared by all scopes that hold nothing yet. */
const NONE: readonly never[] = Object.freeze([]);

/** The instances of one session, or of one group, by the number of their provider. Emptied when its owner ends. */
export class Scope {
  private instances: readonly unknown[] = NONE;
  private created: readonly Created[] = NONE;
  private isOpen = true;
  private isGone = false;
  private reason: SessionEndReason | undefined;
  private plainCell: ContextCell | undefined;
  private cleanCell: ContextCell | undefined;
  private awaitedCell: ContextCell | undefined;

  constructor(
    readonly level: ScopeLevel,
    readonly context: SessionContext,
    private currentOwner: ScopeOwner | undefined,
    /** The scope of the group, where this is the one of a session. */
    private readonly parent?: Scope,
  ) {}

  /** The cell of code that runs in this scope, in whatever context it is called. */
  get cell(): ContextCell {
    return (this.plainCell ??= new ContextCell(this));
  }

  /** The cell of code that the end of this scope waits for. */
  get cellOfAwaited(): ContextCell {
    return (this.awaitedCell ??= new ContextCell(this, true));
  }

  get endReason(): SessionEndReason | undefined {
    return this.reason;
  }

  /** The end is over. */
  get isEmpty(): boolean {
    return this.isGone;
  }

  /** How many instances there are. */
  get size(): number {
    return this.created.length;
  }

  /** Whether it is `other`, or the scope of a session whose group has `other`. */
  isWithin(other: Scope): boolean {
    return this === other || this.parent === other;
  }

  isOpenAt(level: ScopeLevel): boolean {
    return this.find(level)?.isOpen ?? false;
  }

  ownerAt(level: ScopeLevel): object {
    const { currentOwner, reason } = this.at(level);
    if (currentOwner === undefined) throw new SessionEndedError(reason ?? 'terminated');
    return currentOwner;
  }

  /** The instance of a provider in this scope, or in the scope of the group; built when it is asked for first. */
  resolve(provider: ScopedClassProvider): object {
    if (provider.level !== this.level) return this.at(provider.level).resolve(provider);
    const instance = this.instances[provider.index];
    return instance === undefined || instance === BUILDING ? this.build(provider) : (instance as object);
  }

  /** Like {@link resolve}, for who only looks: undefined where there is no instance, and none can be made now. */
  resolveIfPossible(provider: ScopedClassProvider): object | undefined {
    const scope = this.find(provider.level);
    const instance = scope?.instances[provider.index];
    if (instance === BUILDING) return undefined;
    return (instance as object | undefined) ?? (scope?.isOpen === true ? scope.resolve(provider) : undefined);
  }

  isBuilding(provider: ScopedClassProvider): boolean {
    return this.at(provider.level).instances[provider.index] === BUILDING;
  }

  /** Runs `fn` in this scope, with nothing of the caller's context. */
  runClean<R>(fn: () => R): R {
    return this.context.runClean((this.cleanCell ??= new ContextCell(this)), fn);
  }

  /** From now on instances that exist can be used, and none is made. */
  close(reason: SessionEndReason): void {
    this.isOpen = false;
    this.reason = reason;
  }

  /** Ends all instances, last created first, and lets go of everything. */
  async dispose(runner: HookRunner, reason: SessionEndReason): Promise<void> {
    for (let i = this.created.length - 1; i >= 0; i--) {
      const { provider, instance } = this.created[i] as Created;
      await callEndHooks(instance, provider.label, reason, runner);
    }
  }

  /** Lets go of everything: a timer or a socket may keep the scope alive. */
  empty(): void {
    this.instances = NONE;
    this.created = NONE;
    this.currentOwner = undefined;
    this.isGone = true;
  }

  private find(level: ScopeLevel): Scope | undefined {
    return level === this.level ? this : this.parent;
  }

  private at(level: ScopeLevel): Scope {
    const scope = this.find(level);
    if (scope !== undefined) return scope;
    throw new ScopeMisuseError(
      'A session-scoped provider was used by code of a group, which belongs to no single session',
    );
  }

  private build(provider: ScopedClassProvider): object {
    if (!this.isOpen)
      throw new SessionEndedError(
        this.reason ?? 'terminated',
        `${provider.label} was asked for, but the ${this.level}`,
      );
    if (this.instances[provider.index] === BUILDING)
      throw new ScopeMisuseError(
        `${provider.label} is used while it is being constructed (a circular dependency between constructors)`,
      );
    provider.takeIndex();
    const instances = this.instances === NONE ? (this.instances = []) : this.instances;
    (instances as unknown[])[provider.index] = BUILDING;
    try {
      const instance = this.runClean(() => provider.construct(this));
      (instances as unknown[])[provider.index] = instance;
      if (this.created === NONE) this.created = [];
      (this.created as Created[]).push({ provider, instance });
      return instance;
    } catch (error) {
      (instances as unknown[])[provider.index] = undefined;
      throw error;
    }
  }
}
