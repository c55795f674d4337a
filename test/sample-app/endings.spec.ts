import { describe, expect, it } from '@jest/globals';
import type {
  ActiveSession,
  ActiveSessionRegistry,
  CleanupReport,
  SessionEndReason,
  SessionEvent,
} from 'nestjs-active-session';
import { Subject } from 'rxjs';
import { Endings, MAX_ENDINGS, MAX_USERS } from '../../sample-app/endings/endings.js';

/** Endings of sessions that are told of, and never were there. */
function tell() {
  const events$ = new Subject<SessionEvent>();
  const endings = new Endings({ events$ } as unknown as ActiveSessionRegistry);
  endings.onModuleInit();
  const end = (
    groupId: string,
    reason: SessionEndReason,
    {
      generation = 1,
      isGroupKept = false,
      work = [],
      report = {},
    }: {
      generation?: number;
      isGroupKept?: boolean;
      work?: boolean[];
      report?: Partial<CleanupReport>;
    } = {},
  ): void => {
    const runners = new Map(work.map((isBackgroundCompleted, number) => [number, { isBackgroundCompleted }]));
    const group = { id: groupId, isAvailable: isGroupKept };
    const session = { id: `${groupId}-a`, suffix: 'a', generation, group, runners } as unknown as ActiveSession;
    events$.next({ type: 'ending', session, reason });
    runners.clear();
    const whole = { reason, disposed: 0, failed: [], timedOut: [], leftBehind: [], durationMs: 0, ...report };
    events$.next({ type: 'ended', session, reason, report: whole });
  };
  return { endings, end };
}

describe('Endings', () => {
  it('has the counts of the report, and of the runners that were at work when the end began', () => {
    const { endings, end } = tell();
    end('alice', 'idle', {
      work: [true, false, false],
      report: {
        disposed: 4,
        failed: [{ what: 'Cart', error: new Error('broken') }],
        timedOut: ['Shop'],
        leftBehind: ['runner 1', 'runner 2'],
        durationMs: 12.3,
      },
    });
    expect(endings.of('alice')).toMatchObject([
      {
        id: 'alice-a',
        name: 'a',
        generation: 1,
        reason: 'idle',
        runnersStopped: 2,
        disposed: 4,
        failed: 1,
        timedOut: 1,
        leftBehind: 2,
        durationMs: 12,
        isGroupKept: false,
      },
    ]);
  });

  it('says whether the group goes on', () => {
    const { endings, end } = tell();
    end('alice', 'terminated', { isGroupKept: true });
    expect(endings.of('alice')).toMatchObject([{ isGroupKept: true, runnersStopped: 0 }]);
  });

  it('keeps the latest few, newest first', () => {
    const { endings, end } = tell();
    for (let generation = 1; generation <= MAX_ENDINGS + 2; generation++) end('alice', 'terminated', { generation });
    expect(endings.of('alice').map(({ generation }) => generation)).toEqual([7, 6, 5, 4, 3]);
  });

  it('forgets the user who has had no ending for longest', () => {
    const { endings, end } = tell();
    end('alice', 'idle');
    end('bob', 'idle');
    for (let user = 2; user < MAX_USERS; user++) end(`user ${user}`, 'idle');
    end('alice', 'idle');
    end('carol', 'idle');
    expect(['alice', 'bob', 'carol'].map((user) => endings.of(user).length)).toEqual([2, 0, 1]);
  });

  it('hands on what the logout has ended, and nothing that was before', () => {
    const { endings, end } = tell();
    end('alice', 'terminated', { generation: 1 });
    end('alice', 'user-session-ended', { generation: 2 });
    end('alice', 'user-session-ended', { generation: 3 });
    endings.handOverLogout('alice', 'visitor');
    expect(endings.of('alice')).toEqual([]);
    expect(endings.of('visitor').map(({ generation }) => generation)).toEqual([3, 2]);
    endings.handOverLogout('visitor', 'next visitor');
    expect(endings.of('next visitor')).toEqual([]);
  });
});
