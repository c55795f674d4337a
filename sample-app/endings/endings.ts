import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type ActiveSession, ActiveSessionRegistry, type SessionEvent } from 'nestjs-active-session';
import type { SessionName } from '../session/session-name.js';
import type { EndingJson } from './ending-json.js';

export const MAX_USERS = 10_000;
export const MAX_ENDINGS = 5;

/**
 * The last few endings of each user. Nothing of the user can keep them: the group ends with its last session, and the user
 * session with the logout. The id of the group is the same for all groups of a user session, and so their place here.
 */
@Injectable()
export class Endings implements OnModuleInit {
  /** By the id of the group; who has an ending goes to the end, so that the first is the one to forget. */
  private readonly endings = new Map<string, EndingJson[]>();
  private readonly runnersStopped = new WeakMap<ActiveSession, number>();

  constructor(private readonly registry: ActiveSessionRegistry) {}

  onModuleInit(): void {
    this.registry.events$.subscribe((event) => this.note(event));
  }

  of(groupId: string): readonly EndingJson[] {
    return this.endings.get(groupId) ?? [];
  }

  /** After a logout the browser has another user session, whose pages are to tell of the logout, and of nothing else. */
  handOverLogout(from: string, to: string): void {
    const logout = this.of(from).filter(({ id, reason }) => id.startsWith(from) && reason === 'user-session-ended');
    this.endings.delete(from);
    for (const ending of logout.reverse()) this.add(to, ending);
  }

  private note(event: SessionEvent): void {
    const { type, session } = event;
    // Before its runners are told: afterwards none is at work.
    if (type === 'ending') this.runnersStopped.set(session, workingRunnersOf(session));
    else if (type === 'ended') this.add(session.group.id, endingOf(event, this.runnersStopped.get(session) ?? 0));
  }

  private add(groupId: string, ending: EndingJson): void {
    const endings = [ending, ...this.of(groupId)].slice(0, MAX_ENDINGS);
    this.endings.delete(groupId);
    this.endings.set(groupId, endings);
    const [oldest] = this.endings.keys();
    if (this.endings.size > MAX_USERS && oldest !== undefined) this.endings.delete(oldest);
  }
}

function workingRunnersOf(session: ActiveSession): number {
  return [...session.runners.values()].filter(({ isBackgroundCompleted }) => !isBackgroundCompleted).length;
}

function endingOf(
  { session, reason, report }: Extract<SessionEvent, { type: 'ended' }>,
  runnersStopped: number,
): EndingJson {
  return {
    name: session.suffix as SessionName,
    id: session.id,
    generation: session.generation,
    reason,
    endedAt: new Date().toISOString(),
    runnersStopped,
    disposed: report.disposed,
    failed: report.failed.length,
    timedOut: report.timedOut.length,
    leftBehind: report.leftBehind.length,
    durationMs: Math.round(report.durationMs),
    isGroupKept: session.group.isAvailable,
  };
}
