import { inspect } from 'node:util';
import type { SessionEndReason } from '../errors.js';
import type { Scope } from '../scope/scope.js';
import type { SessionModuleRef } from '../scope/session-module-ref.js';
import { ActiveSessionGroup } from './active-session-group.js';
import type { SessionEnvironment } from './environment.js';
import type { Generations } from './identity.js';
import { Life } from './life.js';
import type { LiveSession, SessionKeeper } from './live-session.js';
import type { CleanupReport, Owned, Ownership } from './local-session.js';
import type { SessionProperties } from './session-properties.js';
import { SmallMap } from './small-map.js';

/** What a group tells those who keep it. */
export interface GroupKeeper {
  publicIdOf(group: LiveGroup): string;
  /** The text of a stamp that no other group has. */
  stampOf(serial: number): string;
  onGroupEnding(group: LiveGroup): void;
  onGroupEnded(group: LiveGroup, report: CleanupReport): void;
}

/** Keeps groups and their sessions. */
export interface Keeper extends GroupKeeper, SessionKeeper {
  readonly environment: SessionEnvironment;
}

/** Sessions that go, or have gone. Of most groups none has. */
class Leaving {
  /** Those that must end soon and have given up their place. */
  readonly retired = new Set<LiveSession>();
  lastReason: SessionEndReason = 'terminated';
  onAllReleased: (() => void) | undefined;
}

/** A group that is, or was, there. */
export class LiveGroup extends ActiveSessionGroup {
  /** Whether the cookie of the user session has come back: nobody but its owner has it. */
  isConfirmed = false;
  private readonly bySuffix = new SmallMap<LiveSession>();
  private readonly life: Life;
  /** Its sessions, those that are still cleaning up included. */
  private sessionCount = 0;
  private requestCount = 0;
  private leavingMade: Leaving | undefined;

  constructor(
    private currentUserSessionId: string,
    /** The public id: given where the user session has had another id before, else made at first access. */
    private idMade: string | undefined,
    private readonly serial: number,
    readonly generations: Generations,
    readonly keeper: Keeper,
  ) {
    super();
    this.life = new Life(this);
  }

  /** The id of the user session: a secret. */
  get userSessionId(): string {
    return this.currentUserSessionId;
  }

  /** The user session has another id from now on. The public id stays. */
  rename(userSessionId: string): void {
    this.idMade = this.id;
    this.currentUserSessionId = userSessionId;
  }

  override get id(): string {
    return (this.idMade ??= this.keeper.publicIdOf(this));
  }

  get stamp(): string {
    return this.keeper.stampOf(this.serial);
  }

  /** Its id, if anybody has asked for it. */
  get knownId(): string | undefined {
    return this.idMade;
  }

  /** How many sessions it has, those that are still cleaning up included. */
  get size(): number {
    return this.sessionCount;
  }

  override get isAvailable(): boolean {
    return this.life.endReason === undefined;
  }

  override get endReason(): SessionEndReason | undefined {
    return this.life.endReason;
  }

  override get sessions(): ReadonlyMap<string, LiveSession> {
    return this.bySuffix;
  }

  override get properties(): SessionProperties {
    return this.life.properties;
  }

  override get services(): SessionModuleRef {
    return this.life.services;
  }

  override get completionSignal(): AbortSignal {
    return this.life.signal;
  }

  override get cleanupCompletion(): Promise<CleanupReport> {
    return this.life.cleanupCompletion;
  }

  override terminate(): Promise<CleanupReport> {
    this.end('terminated');
    return this.life.completionForCaller();
  }

  /** Printed and sent without what it holds. */
  toJSON(): object {
    const { id, isAvailable, endReason } = this;
    return { id, isAvailable, endReason };
  }

  [inspect.custom](): string {
    return `ActiveSessionGroup ${JSON.stringify(this)}`;
  }

  override takeOwnership(owned: Owned): Ownership {
    return this.life.takeOwnership(owned);
  }

  get scope(): Scope {
    return this.life.scope;
  }

  get environment(): SessionEnvironment {
    return this.keeper.environment;
  }

  get level(): 'group' {
    return 'group';
  }

  get outer(): undefined {
    return undefined;
  }

  /** How logs name it. */
  get name(): string {
    return `group ${this.id}`;
  }

  /** Its sessions that have not begun to end, those that have given up their place included. */
  *sessionsInUse(): Iterable<LiveSession> {
    yield* this.bySuffix.values();
    yield* this.leavingMade?.retired ?? [];
  }

  // ---- what keeps a group: its sessions, and requests while they run

  add(session: LiveSession): void {
    this.bySuffix.set(session.suffix, session);
    this.sessionCount++;
  }

  /** The session has begun to end: its place is free. */
  forget(session: LiveSession): void {
    if (this.bySuffix.get(session.suffix) === session) this.bySuffix.delete(session.suffix);
  }

  /** The session has given up its place, and ends when its requests have. */
  retire(session: LiveSession): void {
    this.forget(session);
    this.leaving.retired.add(session);
  }

  /** The session has ended. */
  release(session: LiveSession, reason: SessionEndReason): void {
    const { leaving } = this;
    leaving.retired.delete(session);
    leaving.lastReason = reason;
    this.sessionCount--;
    if (this.sessionCount === 0) leaving.onAllReleased?.();
    this.endIfUnused();
  }

  hold(): void {
    this.requestCount++;
  }

  letGo(): void {
    this.requestCount--;
    this.endIfUnused();
  }

  /** Ends it with all its sessions; its own clean-up waits for theirs. */
  end(reason: SessionEndReason): void {
    if (!this.life.begin(reason)) return;
    this.keeper.onGroupEnding(this);
    if (this.sessionCount > 0) for (const session of [...this.sessionsInUse()]) session.end(reason);
    this.life.abortSignal();
    this.life.cleanUp(this.sessionCount === 0 ? undefined : () => this.whenAllReleased(), (report) =>
      this.keeper.onGroupEnded(this, report),
    );
  }

  private get leaving(): Leaving {
    return (this.leavingMade ??= new Leaving());
  }

  private endIfUnused(): void {
    if (this.sessionCount === 0 && this.requestCount === 0) this.end(this.leaving.lastReason);
  }

  /** Sessions bound the time of their clean-up themselves. */
  private whenAllReleased(): Promise<void> {
    return new Promise((resolve) => (this.leaving.onAllReleased = resolve));
  }
}
