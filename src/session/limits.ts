import { LimitReachedError } from '../errors.js';
import type { SessionEnvironment } from './environment.js';
import type { LiveGroup } from './live-group.js';
import { Lifetime } from './lifetime.js';
import { LiveSession } from './live-session.js';

/** What the limits are compared with. */
export interface SessionCounts {
  /** Live sessions and those that are cleaning up. */
  readonly count: number;
  /** Those that are cleaning up. */
  readonly endingCount: number;
  /** Sessions whose cookie has not come back, oldest first. */
  readonly unconfirmed: Iterable<LiveSession>;
}

/**
 * Makes room for a session. Sessions that are cleaning up count for the process. What is evicted hands its place on at
 * once; what is still cleaning up can therefore be as many again as the limit allows, and no more. In a group the limit
 * is for those that live, so that a user at the limit can have a session replaced, and twice as much for all.
 */
export class Limits {
  constructor(
    private readonly environment: SessionEnvironment,
    private readonly counts: SessionCounts,
  ) {}

  /**
   * @param group the group that is to get a further session, where there is one
   * @param isConfirmed whether the newcomer's cookie has come back: others evict no confirmed session
   * @throws LimitReachedError; then nothing has ended
   */
  makeRoom(group: LiveGroup | undefined, isConfirmed: boolean): void {
    const ownVictim = this.victimInGroup(group);
    const isFull = this.counts.count - (ownVictim === undefined ? 0 : 1) >= this.environment.options.limits.sessions;
    // Both limits are judged before anything ends: a request that is refused costs nobody a session.
    const victim = isFull ? this.victimOfAll(isConfirmed) : undefined;
    ownVictim?.end('evicted');
    victim?.end('evicted');
  }

  /** Whom a further session of a group costs its place; undefined where there is room. @throws LimitReachedError */
  private victimInGroup(group: LiveGroup | undefined): LiveSession | undefined {
    const { limits, onLimit } = this.environment.options;
    const limit = limits.sessionsPerGroup;
    if (group === undefined || (group.sessions.size < limit && group.size < 2 * limit)) return undefined;
    const victim = onLimit.sessionsPerGroup === 'evict-idle' ? idlestOf(group.sessions.values()) : undefined;
    if (victim === undefined || group.size >= 2 * limit) throw new LimitReachedError('sessionsPerGroup', limit, 429);
    return victim;
  }

  /** Whom a further session of the process costs its place. @throws LimitReachedError */
  private victimOfAll(isConfirmed: boolean): LiveSession {
    const { limits, onLimit } = this.environment.options;
    const mayEvictConfirmed = isConfirmed && onLimit.sessions === 'evict-idle';
    const victim = firstUnpinned(this.counts.unconfirmed) ?? (mayEvictConfirmed ? this.idlest() : undefined);
    if (victim === undefined || this.counts.endingCount >= limits.sessions)
      throw new LimitReachedError('sessions', limits.sessions, 503);
    return victim;
  }

  /** About the one that was idle for longest: they lie in the order in which they are due. */
  private idlest(): LiveSession | undefined {
    for (const entry of this.environment.expiry.byDueTime())
      if (entry instanceof Lifetime && entry.mortal instanceof LiveSession && !entry.isPinned) return entry.mortal;
    return undefined;
  }
}

function firstUnpinned(sessions: Iterable<LiveSession>): LiveSession | undefined {
  for (const session of sessions) if (!session.isPinned) return session;
  return undefined;
}

function idlestOf(sessions: Iterable<LiveSession>): LiveSession | undefined {
  let idlest: LiveSession | undefined;
  for (const session of sessions)
    if (!session.isPinned && session.idleSinceMs < (idlest?.idleSinceMs ?? Infinity)) idlest = session;
  return idlest;
}
