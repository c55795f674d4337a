import { PreparationFailedError, SessionEndedError, ScopeMisuseError, type SessionEndReason } from '../errors.js';
import { ScopeCell, type ContextCell, type SessionContext } from './context.js';
import type { HookRunner } from './end-hooks.js';
import { Endings } from './endings.js';
import type { InstanceProvider } from './providers/instance-provider.js';
import { Pending } from './providers/pending.js';
import { Preparations, type Preparation } from './providers/preparations.js';
import { ScopeLocks } from './locks/scope-locks.js';
import { notReady } from './misuse.js';
import type { ScopeHost } from './scope-host.js';

export type ScopeLevel = 'session' | 'group';

/** Takes the place of an instance whose constructor, or factory, is running. */
const CONSTRUCTING = Symbol('constructing');
/** Takes the place of an instance whose constructor, or factory, has returned, and which is awaited. */
const AWAITED = Symbol('awaited');
/** Shared by all scopes that hold nothing yet. */
const NONE: readonly never[] = Object.freeze([]);

/** What most scopes do not have, in an object of its own: an idle session is small. */
class Extras {
  /** Why it ends; undefined while it is open. */
  reason: SessionEndReason | undefined;
  isOver = false;
  /** It takes the place of a missing session: why that is missing. */
  whyMissing: ((what: string) => Error) | undefined;
  plainCell: ContextCell | undefined;
  awaitedCell: ContextCell | undefined;
  endings: Endings | undefined;
  preparations: Preparations | undefined;
  /** All of these are there: see {@link Scope.prepareAll}. */
  preparedFor: readonly InstanceProvider[] | undefined;
  locks: ScopeLocks | undefined;
  endFirst: ((run: HookRunner, reason: SessionEndReason) => Promise<number>) | undefined;
}

/** The instances of one session, or of one group, by the number of their provider. Emptied when its owner ends. */
export class Scope {
  private instances: readonly unknown[] = NONE;
  private extrasMade: Extras | undefined;

  constructor(
    readonly level: ScopeLevel,
    readonly host: ScopeHost,
    private currentOwner: object | undefined,
    /** Leads to the scope of the group, where this is the one of a session. */
    private group?: { readonly scope: Scope },
    /** It takes the place of a missing session: why that is missing. */
    whyMissing?: (what: string) => Error,
  ) {
    if (whyMissing !== undefined) this.extras.whyMissing = whyMissing;
  }

  /** The cell of code that runs in this scope, in whatever context it is called. */
  get cell(): ContextCell {
    return (this.extras.plainCell ??= new ScopeCell(this));
  }

  /** The cell of code that the end of this scope waits for. */
  get cellOfAwaited(): ContextCell {
    return (this.extras.awaitedCell ??= new ScopeCell(this, true));
  }

  get context(): SessionContext {
    return this.host.context;
  }

  /** What was made, and ends with it. */
  get endings(): Endings {
    return (this.extras.endings ??= new Endings());
  }

  get locks(): ScopeLocks {
    return (this.extras.locks ??= new ScopeLocks());
  }

  /** Ends what may use the instances, before them: Nest's durable providers. @returns how many there were */
  get endFirst(): Extras['endFirst'] {
    return this.extrasMade?.endFirst;
  }

  set endFirst(endFirst: Extras['endFirst']) {
    this.extras.endFirst = endFirst;
  }

  /** The locks of this scope, or of the group's. */
  locksAt(level: ScopeLevel): ScopeLocks {
    return this.at(level, 'A lock').locks;
  }

  get endReason(): SessionEndReason | undefined {
    return this.extrasMade?.reason;
  }

  /** The end is over. */
  get isEmptied(): boolean {
    return this.extrasMade?.isOver === true;
  }

  /** For whoever wants something of it that has ended, or is ending. */
  endedError(what = `The ${this.level}`): SessionEndedError {
    return new SessionEndedError(this.extrasMade?.reason ?? 'terminated', what);
  }

  /** Whether it is `other`, or the scope of a session whose group has `other`. */
  isWithin(other: Scope): boolean {
    return this === other || this.parent === other;
  }

  /** Whether it takes the place of a missing session. */
  get isFallback(): boolean {
    return this.extrasMade?.whyMissing !== undefined;
  }

  /** Whether there is a session, or group, that has not begun to end. */
  isOpenAt(level: ScopeLevel): boolean {
    return !this.isFallback && (this.find(level)?.isOpen ?? false);
  }

  ownerAt(level: ScopeLevel): object {
    const scope = this.at(level, level === 'session' ? 'ActiveSession' : 'ActiveSessionGroup');
    if (scope.currentOwner === undefined) throw scope.endedError();
    return scope.currentOwner;
  }

  /** The instance of a provider in this scope, or in the scope of the group; built when it is asked for first. */
  resolve(provider: InstanceProvider): object {
    if (provider.level !== this.level) return this.at(provider.level, provider.label).resolve(provider);
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
    return provider.mustBePrepared ? undefined : scope.resolve(provider);
  }

  /** Whether its constructor, or factory, is on the stack: what it needs cannot wait for it. */
  isConstructing(provider: InstanceProvider): boolean {
    return this.find(provider.level)?.instances[provider.index] === CONSTRUCTING;
  }

  /** Whether it is being made, and is awaited. */
  isMaking(provider: InstanceProvider): boolean {
    return this.find(provider.level)?.extrasMade?.preparations?.get(provider) !== undefined;
  }

  /** Whether it, or the scope of its group, keeps an instance to end it. */
  keeps(instance: object): boolean {
    return this.extrasMade?.endings?.has(instance) === true || this.parent?.keeps(instance) === true;
  }

  /** Runs `fn` in this scope, with nothing of the caller's context. */
  runClean<R>(fn: () => R): R {
    return this.context.runClean(this.cell, fn);
  }

  /** Like {@link runClean}, for what the caller awaits: where that is being made itself, it is known to wait. */
  runCleanForCaller<R>(fn: () => R): R {
    const making = this.context.current()?.making;
    return this.context.runClean(making === undefined ? this.cell : new ScopeCell(this, true, making), fn);
  }

  /**
   * Makes what is missing of these, and awaits it.
   * @returns undefined where all are there; else a promise that rejects with PreparationFailedError or SessionEndedError
   */
  prepareAll(providers: readonly InstanceProvider[]): Promise<unknown> | undefined {
    if (this.extrasMade?.preparedFor === providers) return undefined;
    const missing = providers.filter((provider) => this.instanceOf(provider) === undefined);
    if (missing.length > 0) return Promise.all(missing.map((provider) => this.prepareFor(provider)));
    this.extras.preparedFor = providers;
    return undefined;
  }

  /** The instance of a provider, which may have to be awaited. Whoever asks meanwhile waits for the same one. */
  async prepare(provider: InstanceProvider): Promise<object> {
    if (provider.level !== this.level) return this.at(provider.level, provider.label).prepare(provider);
    const known = this.instanceOf(provider);
    if (known !== undefined) return known;
    const preparation = this.extrasMade?.preparations?.get(provider) ?? this.beginPreparation(provider);
    return preparation.resultFor(this.context.current()?.making);
  }

  /** From now on instances that exist can be used, and none is made. */
  close(reason: SessionEndReason): void {
    const { extras } = this;
    extras.reason = reason;
    // Mostly nobody waits: an error with its stack would cost more than all else that an end does.
    if (extras.preparations === undefined && extras.locks === undefined) return;
    const ended = this.endedError();
    extras.preparations?.refuseAll(ended);
    extras.locks?.refuseAll(ended);
  }

  /** Ends all instances, last created first, those included that are still being made. @returns how many there were */
  async dispose(run: HookRunner, reason: SessionEndReason): Promise<number> {
    const { endFirst, endings, extras } = this;
    if (extras.preparations !== undefined)
      for (const { label, over } of extras.preparations.unfinished()) await run(`the making of ${label}`, () => over);
    const underWay = endings.finishUnderWay(run);
    if (underWay !== undefined) await underWay;
    const before = endFirst === undefined ? 0 : await endFirst(run, reason);
    return before + (await endings.endAll(run, reason));
  }

  /** Its end waits for another one, for as long as there is time. */
  waitForEnd(ending: Promise<void>): void {
    this.endings.waitFor(ending);
  }

  /** Lets go of everything: a timer or a socket may keep the scope alive. */
  empty(): void {
    this.instances = NONE;
    this.currentOwner = undefined;
    // The group itself, which may go on, is let go of: what keeps this scope needs its scope at most.
    if (this.group !== undefined) this.group = { scope: this.group.scope };
    const { extras } = this;
    extras.isOver = true;
    extras.locks?.releaseAll();
    extras.endFirst = undefined;
    if (extras.preparations?.isEmpty !== false) extras.endings?.close();
  }

  private get isOpen(): boolean {
    return this.extrasMade?.reason === undefined;
  }

  private get extras(): Extras {
    return (this.extrasMade ??= new Extras());
  }

  private get parent(): Scope | undefined {
    return this.group?.scope;
  }

  private find(level: ScopeLevel): Scope | undefined {
    return level === this.level ? this : this.parent;
  }

  /** @param what how messages name what is wanted there */
  private at(level: ScopeLevel, what: string): Scope {
    const scope = this.find(level);
    if (scope !== undefined) return scope;
    throw new ScopeMisuseError(
      `${what} is session-scoped and was used by code of a group, which has several sessions. ` +
        'Use session.services, or run the code with ActiveSessionRegistry.run(session, fn).',
    );
  }

  private instanceOf(provider: InstanceProvider): object | undefined {
    const instance = this.find(provider.level)?.instances[provider.index];
    return typeof instance === 'symbol' ? undefined : (instance as object | undefined);
  }

  private beginPreparation(provider: InstanceProvider): Preparation {
    this.assertMayMake(provider);
    return (this.extras.preparations ??= new Preparations()).add(provider, (preparation) =>
      this.context.runClean(new ScopeCell(this, true, preparation), async () => {
        // From the start it must be known who waits for whom.
        await Promise.resolve();
        return this.makeAwaited(provider);
      }),
    );
  }

  private build(provider: InstanceProvider): object {
    this.assertMayMake(provider);
    if (provider.mustBePrepared) throw notReady(provider);
    const made = this.runClean(() => this.construct(provider));
    if (!(made instanceof Pending)) return this.put(provider, made);
    // Nothing is lost: it is there for a later use, and ends with the scope.
    const later = this.whenThere(provider, made.promise as Promise<object>);
    (this.extras.preparations ??= new Preparations()).add(provider, () => later);
    later.catch((error: unknown) => {
      if (!this.isEmptied) this.host.logError(`The making of ${provider.label}`, error);
    });
    throw notReady(provider);
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
    // Meanwhile get() has begun it.
    if (this.instances[provider.index] === AWAITED) return this.prepare(provider);
    this.assertMayMake(provider);
    const made = this.construct(provider);
    return made instanceof Pending
      ? this.whenThere(provider, made.promise as Promise<object>)
      : this.put(provider, made);
  }

  private put<T>(provider: InstanceProvider, instance: T): T {
    if (this.isEmptied) return instance;
    if (this.instances === NONE) this.instances = [];
    (this.instances as unknown[])[provider.index] = instance;
    return instance;
  }

  private async prepareFor(provider: InstanceProvider): Promise<void> {
    try {
      await this.prepare(provider);
    } catch (error) {
      // That of another session is a failure like any other.
      if (error instanceof SessionEndedError && this.find(provider.level)?.endReason !== undefined) throw error;
      throw new PreparationFailedError(provider.label, error);
    }
  }

  private assertMayMake(provider: InstanceProvider): void {
    const { label } = provider;
    const whyMissing = this.extrasMade?.whyMissing;
    if (!this.isOpen) throw this.endedError(`${label} was asked for, but the ${this.level}`);
    if (whyMissing !== undefined && provider.fallback !== 'request') throw whyMissing(label);
    provider.takeIndex();
    const instance = this.instances[provider.index];
    if (instance === AWAITED) throw notReady(provider);
    if (instance !== CONSTRUCTING) return;
    throw new ScopeMisuseError(
      `${label} is used while its constructor or factory is still running (a circular dependency). Use it later, in a method.`,
    );
  }
}
