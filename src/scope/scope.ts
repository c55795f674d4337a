import { PreparationFailedError, SessionEndedError, ScopeMisuseError, type SessionEndReason } from '../errors.js';
import { ContextCell, type SessionContext } from './context.js';
import { endCreated, type Created, type Keeper } from './created.js';
import type { HookRunner } from './end-hooks.js';
import type { InstanceProvider } from './providers/instance-provider.js';
import { Pending } from './providers/pending.js';
import { notDeclaredAsync, notPrepared, Preparations } from './providers/preparations.js';
import { ScopeLocks } from './locks/scope-locks.js';

export type ScopeLevel = 'session' | 'group';

/** The session or group that a scope belongs to. */
export interface ScopeOwner {
  readonly endReason?: SessionEndReason | undefined;
}

/** Takes the place of an instance whose constructor, or factory, is running. */
const CONSTRUCTING = Symbol('constructing');
/** Takes its place from then on, until it is there. */
const AWAITED = Symbol('awaited');
/** Shared by all scopes that hold nothing yet. */
const NONE: readonly never[] = Object.freeze([]);

/** The instances of one session, or of one group, by the number of their provider. Emptied when its owner ends. */
export class Scope implements Keeper {
  private instances: readonly unknown[] = NONE;
  private created: readonly Created[] = NONE;
  private isOpen = true;
  private isGone = false;
  private reason: SessionEndReason | undefined;
  private plainCell: ContextCell | undefined;
  private cleanCell: ContextCell | undefined;
  private awaitedCell: ContextCell | undefined;
  private preparations: Preparations | undefined;
  /** All of these are there: see {@link prepareAll}. */
  private preparedFor: readonly InstanceProvider[] | undefined;
  private locksMade: ScopeLocks | undefined;
  /** Ends what depends on the instances, before them. @returns how many that were */
  endFirst: ((run: HookRunner, reason: SessionEndReason) => Promise<number>) | undefined;
  /** Ends what is made after all else has ended. */
  private endLate: ((created: Created) => void) | undefined;

  constructor(
    readonly level: ScopeLevel,
    readonly context: SessionContext,
    private currentOwner: ScopeOwner | undefined,
    /** The scope of the group, where this is the one of a session. */
    private readonly parent?: Scope,
    /** It takes the place of a missing session: why that is missing. */
    private readonly whyMissing?: (what: string) => Error,
  ) {}

  /** The cell of code that runs in this scope, in whatever context it is called. */
  get cell(): ContextCell {
    return (this.plainCell ??= new ContextCell(this));
  }

  /** The cell of code that the end of this scope waits for. */
  get cellOfAwaited(): ContextCell {
    return (this.awaitedCell ??= new ContextCell(this, true));
  }

  get locks(): ScopeLocks {
    return (this.locksMade ??= new ScopeLocks());
  }

  /** The locks of this scope, or of the group's. */
  locksAt(level: ScopeLevel): ScopeLocks {
    return this.at(level).locks;
  }

  get endReason(): SessionEndReason | undefined {
    return this.reason;
  }

  /** The end is over. */
  get isEmpty(): boolean {
    return this.isGone;
  }

  /** Whether it is `other`, or the scope of a session whose group has `other`. */
  isWithin(other: Scope): boolean {
    return this === other || this.parent === other;
  }

  /** Whether it takes the place of a missing session. */
  get isFallback(): boolean {
    return this.whyMissing !== undefined;
  }

  /** Whether there is a session, or group, that has not begun to end. */
  isOpenAt(level: ScopeLevel): boolean {
    return !this.isFallback && (this.find(level)?.isOpen ?? false);
  }

  ownerAt(level: ScopeLevel): object {
    const { currentOwner, reason } = this.at(level);
    if (currentOwner === undefined) throw new SessionEndedError(reason ?? 'terminated');
    return currentOwner;
  }

  /** The instance of a provider in this scope, or in the scope of the group; built when it is asked for first. */
  resolve(provider: InstanceProvider): object {
    if (provider.level !== this.level) return this.at(provider.level).resolve(provider);
    const instance = this.instances[provider.index];
    return typeof instance === 'object' || typeof instance === 'function' ? (instance as object) : this.build(provider);
  }

  /** Like {@link resolve}, for who only looks: undefined where there is no instance, and none can be made now. */
  resolveIfPossible(provider: InstanceProvider): object | undefined {
    const scope = this.find(provider.level);
    const instance = scope?.instances[provider.index];
    if (instance !== undefined) return typeof instance === 'symbol' ? undefined : (instance as object);
    if (scope?.isOpen !== true) return undefined;
    provider.takeIndex();
    return provider.isPrepared ? undefined : scope.resolve(provider);
  }

  /** Whether its constructor, or factory, is on the stack: what it needs cannot wait for it. */
  isConstructing(provider: InstanceProvider): boolean {
    return this.at(provider.level).instances[provider.index] === CONSTRUCTING;
  }

  /** Runs `fn` in this scope, with nothing of the caller's context. */
  runClean<R>(fn: () => R): R {
    return this.context.runClean((this.cleanCell ??= new ContextCell(this)), fn);
  }

  /** Makes what is missing of these, and awaits it; undefined where all is there. @returns rejects with PreparationFailedError */
  prepareAll(providers: readonly InstanceProvider[]): Promise<unknown> | undefined {
    if (this.preparedFor === providers) return undefined;
    const missing = providers.filter((provider) => this.instanceOf(provider) === undefined);
    if (missing.length > 0) return Promise.all(missing.map((provider) => this.prepareFor(provider)));
    this.preparedFor = providers;
    return undefined;
  }

  /** The instance of a provider, which may have to be awaited. Whoever asks meanwhile waits for the same one. */
  async prepare(provider: InstanceProvider): Promise<object> {
    if (provider.level !== this.level) return this.at(provider.level).prepare(provider);
    const known = this.instanceOf(provider) ?? this.waitFor(provider);
    if (known !== undefined) return known;
    this.assertMayMake(provider);
    const cell = new ContextCell(this, true, provider);
    const made = this.context.runClean(cell, async () => {
      // From the start it must be known who waits for whom.
      await Promise.resolve();
      return this.makeAwaited(provider);
    });
    const result = (this.preparations ??= new Preparations()).add(provider, made);
    return this.waitFor(provider) ?? result;
  }

  /** From now on instances that exist can be used, and none is made. */
  close(reason: SessionEndReason): void {
    this.isOpen = false;
    this.reason = reason;
    const ended = new SessionEndedError(reason, `The ${this.level}`);
    this.preparations?.refuseAll(ended);
    this.locksMade?.refuseAll(ended);
  }

  /** Ends all instances, last created first, those included that are still being made. @returns how many there were */
  async dispose(run: HookRunner, reason: SessionEndReason): Promise<number> {
    this.endLate = (created) => void endCreated(created, run, reason);
    for (const { label, over } of this.preparations?.pending() ?? []) await run(`the making of ${label}`, () => over);
    let count = (await this.endFirst?.(run, reason)) ?? 0;
    // What was not waited for may come between.
    for (let last = this.takeLast(); last !== undefined; last = this.takeLast()) {
      await endCreated(last, run, reason);
      count++;
    }
    return count;
  }

  /** An instance is there: it ends with the scope. */
  keep(created: Created): void {
    if (this.isGone) this.endLate?.(created);
    else if (this.created === NONE) this.created = [created];
    else (this.created as Created[]).push(created);
  }

  /** Takes back what was kept. @returns those that have not begun to end */
  release(created: readonly Created[]): Created[] {
    const released = created.filter((each) => this.created.includes(each));
    this.created = this.created.filter((each) => !released.includes(each));
    return released;
  }

  /** Lets go of everything: a timer or a socket may keep the scope alive. */
  empty(): void {
    this.instances = NONE;
    this.created = NONE;
    this.currentOwner = undefined;
    this.isGone = true;
    this.locksMade?.releaseAll();
    this.endFirst = undefined;
    if (this.preparations?.isEmpty !== false) this.endLate = undefined;
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

  private instanceOf(provider: InstanceProvider): object | undefined {
    const instance = this.find(provider.level)?.instances[provider.index];
    return typeof instance === 'symbol' ? undefined : (instance as object | undefined);
  }

  /** Undefined where it is not being made. @throws ScopeMisuseError where what is being made would wait for itself */
  private waitFor(provider: InstanceProvider): Promise<object> | undefined {
    const cell = this.context.current();
    return this.preparations?.waitFor(provider, cell?.scope === this ? cell.making : undefined);
  }

  private takeLast(): Created | undefined {
    return this.created.length === 0 ? undefined : (this.created as Created[]).pop();
  }

  private build(provider: InstanceProvider): object {
    this.assertMayMake(provider);
    if (provider.isPrepared) throw notPrepared(provider.label);
    const made = this.runClean(() => this.construct(provider));
    if (!(made instanceof Pending)) return this.put(provider, made);
    // Nothing is lost: it is there for a later use, and ends with the scope.
    const later = this.whenThere(provider, made.promise as Promise<object>);
    (this.preparations ??= new Preparations())
      .add(provider, later)
      .catch((error: unknown) => provider.host.warn(`The making of ${provider.label}`, error));
    throw notDeclaredAsync(provider.label);
  }

  private construct(provider: InstanceProvider): object | Pending {
    this.put(provider, CONSTRUCTING);
    try {
      const made = provider.construct(this);
      if (made instanceof Pending) this.put(provider, AWAITED);
      return made;
    } catch (error) {
      this.put(provider, undefined);
      throw error;
    }
  }

  private async whenThere(provider: InstanceProvider, made: Promise<object>): Promise<object> {
    try {
      return this.put(provider, await made);
    } catch (error) {
      this.put(provider, undefined);
      throw error;
    }
  }

  private async makeAwaited(provider: InstanceProvider): Promise<object> {
    await provider.prepareDependencies(this);
    const known = this.instanceOf(provider);
    if (known !== undefined) return known;
    this.assertMayMake(provider);
    const made = this.construct(provider);
    return made instanceof Pending
      ? this.whenThere(provider, made.promise as Promise<object>)
      : this.put(provider, made);
  }

  private put<T>(provider: InstanceProvider, instance: T): T {
    if (this.isGone) return instance;
    if (this.instances === NONE) this.instances = [];
    (this.instances as unknown[])[provider.index] = instance;
    return instance;
  }

  private async prepareFor(provider: InstanceProvider): Promise<void> {
    try {
      await this.prepare(provider);
    } catch (error) {
      if (error instanceof SessionEndedError) throw error;
      throw new PreparationFailedError(provider.label, error);
    }
  }

  private assertMayMake(provider: InstanceProvider): void {
    const { label } = provider;
    if (!this.isOpen)
      throw new SessionEndedError(this.reason ?? 'terminated', `${label} was asked for, but the ${this.level}`);
    if (this.whyMissing !== undefined && provider.fallback !== 'request') throw this.whyMissing(label);
    provider.takeIndex();
    const instance = this.instances[provider.index];
    if (instance === AWAITED) throw notPrepared(label);
    if (instance !== CONSTRUCTING) return;
    throw new ScopeMisuseError(
      `${label} is used while it is being constructed (a circular dependency between constructors)`,
    );
  }
}
