import { describeError } from '../describe-error.js';
import { SessionUnavailableError, type SessionEndReason } from '../errors.js';
import type { SessionEnvironment } from './environment.js';
import { EventStream, GROUP_CHANNEL, SESSION_CHANNEL } from './event-stream.js';
import type { GroupEvent, SessionEvent, SessionStats } from './events.js';
import { Generations, isGroupId, publicIdOf, Stamps, type Hint } from './identity.js';
import { Limits, type SessionCounts } from './limits.js';
import { LiveGroup, type Keeper } from './live-group.js';
import { LiveSession } from './live-session.js';
import type { CleanupReport } from './local-session.js';

/** Which session is wanted. */
export interface SessionWanted {
  readonly userSessionId: string;
  readonly suffix: string;
  /** What the user session remembers. */
  readonly hint: Hint;
  /** The user session is known to be its owner's: its cookie has come back. */
  readonly isConfirmed: boolean;
}

/** Stands in front of the stamp of a group that has no user session at the moment: no id can be guessed to be that. */
const DETACHED = 'detached:';

/** All sessions and groups of one application: find, create, limit, end. */
export class Sessions implements Keeper, SessionCounts {
  readonly events: EventStream<SessionEvent>;
  readonly groupEvents: EventStream<GroupEvent>;
  private readonly groups = new Map<string, LiveGroup>();
  /** Groups whose public id was asked for. */
  private readonly byPublicId = new Map<string, LiveGroup>();
  private readonly endingGroups = new Set<LiveGroup>();
  private readonly ending = new Set<LiveSession>();
  /** Oldest first. */
  readonly unconfirmed = new Set<LiveSession>();
  private readonly stamps = new Stamps();
  private readonly limits: Limits;
  /** Live ones and ending ones. */
  count = 0;
  private created = 0;
  private readonly ended: Record<SessionEndReason, number> = {
    terminated: 0,
    idle: 0,
    'max-lifetime': 0,
    evicted: 0,
    shutdown: 0,
    'user-session-ended': 0,
    failed: 0,
  };
  private draining = false;
  private shutdownDone: Promise<void> | undefined;

  constructor(readonly environment: SessionEnvironment) {
    const warn = (error: unknown): void => {
      const { text, stack } = describeError(error);
      environment.logger.error(`A subscriber of events$ has failed: ${text}`, stack);
    };
    this.events = new EventStream(SESSION_CHANNEL, (fn) => this.clean(fn), warn);
    this.groupEvents = new EventStream(GROUP_CHANNEL, (fn) => this.clean(fn), warn);
    this.limits = new Limits(environment, this);
  }

  /** The application is shutting down: no session is made any more. */
  get isDraining(): boolean {
    return this.draining;
  }

  get endingCount(): number {
    return this.ending.size;
  }

  get isEmpty(): boolean {
    return this.created === 0;
  }

  findGroup(userSessionId: string): LiveGroup | undefined {
    return this.groups.get(userSessionId);
  }

  groupByPublicId(id: string): LiveGroup | undefined {
    const known = this.byPublicId.get(id);
    if (known !== undefined) return known;
    if (!isGroupId(id)) return undefined;
    // Ids are made at first access: now all are asked for.
    const found = [...this.groups.values()].find((group) => group.id === id);
    if (found !== undefined) this.byPublicId.set(id, found);
    return found;
  }

  *all(): Iterable<LiveSession> {
    for (const group of this.groups.values()) yield* group.sessions.values();
  }

  allGroups(): Iterable<LiveGroup> {
    return this.groups.values();
  }

  /** The session, made where there is none. @throws LimitReachedError; SessionUnavailableError while shutting down */
  findOrCreate(wanted: SessionWanted): LiveSession {
    const found = this.groups.get(wanted.userSessionId)?.sessions.get(wanted.suffix);
    if (found !== undefined) return found;
    if (this.draining)
      throw new SessionUnavailableError('No session is made any more: the application is shutting down');
    this.limits.makeRoom(this.groups.get(wanted.userSessionId), wanted.isConfirmed);
    // What was evicted may have been the last of its group.
    const group = this.groups.get(wanted.userSessionId) ?? this.createGroup(wanted);
    if (wanted.isConfirmed) this.confirm(group);
    return this.createSession(group, wanted.suffix);
  }

  /** The clean-up of an earlier session of this user session and suffix; undefined where none is under way. */
  cleanupOf(userSessionId: string, suffix: string): Promise<CleanupReport> | undefined {
    for (const session of this.ending)
      if (session.suffix === suffix && session.group.userSessionId === userSessionId) return session.cleanupCompletion;
    return undefined;
  }

  /** The cookie of this user session has come back. */
  confirm(group: LiveGroup): void {
    if (group.isConfirmed) return;
    group.isConfirmed = true;
    for (const session of group.sessions.values()) this.unconfirmed.delete(session);
  }

  /** The user session of a group is getting a new id: until {@link attach} nobody finds the group. */
  detach(group: LiveGroup): void {
    this.rekey(group, `${DETACHED}${group.stamp}`);
  }

  /**
   * The new id is there.
   * @returns false where the group has ended: meanwhile, or because another has this id; two cannot become one
   */
  attach(group: LiveGroup, userSessionId: string): boolean {
    if (group.isAvailable && !this.groups.has(userSessionId)) this.rekey(group, userSessionId);
    else group.end('user-session-ended');
    return group.isAvailable;
  }

  private rekey(group: LiveGroup, userSessionId: string): void {
    this.groups.delete(group.userSessionId);
    group.rename(userSessionId);
    this.groups.set(userSessionId, group);
  }

  /** Ends everything. Resolves when all clean-ups are done, or the time is up; then it names what has not ended. */
  shutdown(): Promise<void> {
    this.draining = true;
    return (this.shutdownDone ??= this.endAll());
  }

  private async endAll(): Promise<void> {
    for (const group of [...this.groups.values()]) group.end('shutdown');
    const { clock, shutdownTimeoutMs } = this.environment.options;
    const all = Promise.all([...this.ending, ...this.endingGroups].map((owner) => owner.cleanupCompletion));
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, shutdownTimeoutMs);
      void all.then(() => {
        timer.cancel();
        resolve();
      });
    });
    for (const { name } of [...this.ending, ...this.endingGroups])
      this.environment.logger.error(`The ${name} was still cleaning up after shutdownTimeoutMs (${shutdownTimeoutMs})`);
    this.events.complete();
    this.groupEvents.complete();
  }

  stats(): SessionStats {
    const runners: Record<string, number> = {};
    const now = this.environment.options.clock.now();
    let pinned = 0;
    let oldestIdleMs = 0;
    for (const group of this.groups.values())
      for (const session of group.sessionsInUse()) {
        if (session.isPinned) pinned++;
        else oldestIdleMs = Math.max(oldestIdleMs, now - session.idleSinceMs);
        for (const { status } of session.runnersSoFar?.values() ?? []) runners[status] = (runners[status] ?? 0) + 1;
      }
    return {
      hostId: this.environment.options.hostId,
      sessions: this.count,
      groups: this.groups.size,
      ending: this.ending.size,
      unconfirmed: this.unconfirmed.size,
      pinned,
      oldestIdleMs,
      runners,
      created: this.created,
      ended: { ...this.ended },
    };
  }

  // ---- told by sessions and groups

  onExpiring(session: LiveSession): void {
    this.events.emit({ type: 'expiring', session });
  }

  onEnding(session: LiveSession): void {
    this.unconfirmed.delete(session);
    this.ending.add(session);
    const { endReason: reason = 'terminated' } = session;
    this.ended[reason]++;
    this.events.emit({ type: 'ending', session, reason });
  }

  onEnded(session: LiveSession, report: CleanupReport): void {
    this.ending.delete(session);
    this.count--;
    this.events.emit({ type: 'ended', session, reason: report.reason, report });
  }

  stampOf(serial: number): string {
    return this.stamps.textOf(serial);
  }

  publicIdOf(group: LiveGroup): string {
    const id = publicIdOf(group.userSessionId, this.environment.options.idSecret);
    if (this.groups.get(group.userSessionId) === group) this.byPublicId.set(id, group);
    return id;
  }

  onGroupEnding(group: LiveGroup): void {
    if (this.groups.get(group.userSessionId) === group) this.groups.delete(group.userSessionId);
    const { knownId } = group;
    if (knownId !== undefined && this.byPublicId.get(knownId) === group) this.byPublicId.delete(knownId);
    this.endingGroups.add(group);
    this.groupEvents.emit({ type: 'ending', group, reason: group.endReason ?? 'terminated' });
  }

  onGroupEnded(group: LiveGroup, report: CleanupReport): void {
    this.endingGroups.delete(group);
    this.groupEvents.emit({ type: 'ended', group, reason: report.reason, report });
  }

  // ---- creating, within the limits

  private createGroup({ userSessionId, hint }: SessionWanted): LiveGroup {
    const generations = new Generations(hint.generation);
    const group = new LiveGroup(userSessionId, hint.groupId, this.stamps.next(), generations, this);
    this.groups.set(userSessionId, group);
    this.groupEvents.emit({ type: 'created', group });
    return group;
  }

  private createSession(group: LiveGroup, suffix: string): LiveSession {
    const generation = group.generations.next(suffix, (other) => group.sessions.has(other));
    const session = new LiveSession(group, suffix, generation);
    group.add(session);
    this.count++;
    this.created++;
    if (!group.isConfirmed) this.unconfirmed.add(session);
    this.events.emit({ type: 'created', session });
    return session;
  }

  private clean<R>(fn: () => R): R {
    return this.environment.scopeHost.context.runClean(undefined, fn);
  }
}
