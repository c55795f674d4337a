import { expect } from '@jest/globals';
import { Controller, Get, Query, type Provider } from '@nestjs/common';
import {
  ActiveSession,
  InjectActiveSession,
  SessionScoped,
  type CleanupReport,
  type SequenceRunner,
} from 'nestjs-active-session';
import { Tap } from '../runners/tap.js';
import type { Browser } from '../support/browser.js';
import type { Fault } from './faults.js';
import { useSessionApps, type SessionApp, type SessionAppOptions } from '../support/session-app.js';

/** More than any clean-up takes. */
const LONG_MS = 20_000;

@SessionScoped()
class Diary {
  private readonly pages: number[] = [];

  write(page: number): number {
    return this.pages.push(page);
  }
}

@Controller('diary')
class DiaryController {
  constructor(private readonly diary: Diary) {}

  @Get()
  async write(@InjectActiveSession() session: ActiveSession, @Query('from') from: string): Promise<object> {
    const runner = session.getRunner<number>(0, { kind: 'sequence' }) as SequenceRunner<number>;
    const read = await runner.getRequired({ startPosition: Number(from), advance: 1 });
    return { ...read, pages: this.diary.write(Number(from)) };
  }
}

/** Somebody who has nothing to do with the fault, and must not notice it. */
class Bystander {
  private readonly tap = new Tap();
  private readonly diary: Diary;
  private cursor = 0;

  constructor(
    private readonly browser: Browser,
    private readonly session: ActiveSession,
  ) {
    this.diary = session.services.get(Diary);
    session.createSequenceRunner(this.tap, { startNow: true });
  }

  /** One more request: its service is the same object, and its runner has missed nothing. */
  async goesOn(): Promise<void> {
    const from = this.cursor++;
    this.tap.give(from);
    const { status, body } = await this.browser.get(`/diary?from=${from}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ result: [from], from, position: from + 1, pages: from + 1 });
    expect(this.session.services.get(Diary)).toBe(this.diary);
  }

  async leaves(): Promise<void> {
    const { session } = this;
    expectClean({ session: await session.terminate(), group: await session.group.terminate() });
  }
}

/** The reports of the session that had the fault, and of its group. */
export interface Reports {
  session: CleanupReport;
  group: CleanupReport;
}

/** Somebody who meets a fault. */
export interface User {
  browser: Browser;
  session: ActiveSession;
}

/** An application in which something fails for one user, while another one works. */
export interface Scene extends SessionApp {
  readonly bystander: Bystander;
  /**
   * Ends the session, and its group, while the bystander goes on.
   * @param isSilent something of it never ends: the time must be up
   */
  end(session: ActiveSession, isSilent?: boolean): Promise<Reports>;
  /** What holds after every fault: the next request works, the session can end, and then nothing is left of anything. */
  recovers(user: User, isSilent?: boolean): Promise<Reports>;
}

export interface Scenes {
  start(options?: Omit<SessionAppOptions, 'metadata'> & { providers?: Provider[] }): Promise<Scene>;
  /** The errors that were logged since the last call. */
  faults(): string[];
}

/** How the log names a session. */
export const nameOf = ({ id, generation }: ActiveSession): string => `The active session ${id}:${generation}`;

export const groupNameOf = ({ group }: ActiveSession): string => `The group ${group.id}`;

/** What the log says of a step of a clean-up. */
export const logOf = ({ text, isSilent }: Fault): string =>
  isSilent ? 'did not end in time; the clean-up goes on without it' : text;

/** Both ends were without any fault. */
export function expectClean(reports: Reports): void {
  const clean = { failed: [], timedOut: [], leftBehind: [] };
  expect(reports).toMatchObject({ session: clean, group: clean });
}

/** These steps of a clean-up have failed, or have not ended in time, and nothing else. */
export function expectFaults({ failed, timedOut, leftBehind }: CleanupReport, fault: Fault, steps: string[]): void {
  expect({ failed: failed.map(({ what }) => what), timedOut, leftBehind }).toEqual({
    failed: fault.isSilent ? [] : steps,
    timedOut: fault.isSilent ? steps : [],
    leftBehind: [],
  });
  // Not by its looks: it may not be looked at.
  expect(failed.every(({ error }) => Object.is(error, fault.thrown))).toBe(true);
}

/** For the top of a spec. */
export function useScenes(): Scenes {
  const { start, faults } = useSessionApps();
  return {
    faults,
    async start({ providers = [], ...more } = {}) {
      const metadata = { providers: [Diary, ...providers], controllers: [DiaryController] };
      const app = await start({ ...more, metadata });
      const { browser, session } = await app.user();
      return sceneOf(app, new Bystander(browser, session));
    },
  };
}

function sceneOf(app: SessionApp, bystander: Bystander): Scene {
  const { clock, registry } = app;

  async function end(session: ActiveSession, isSilent = false): Promise<Reports> {
    const ended = Promise.all([session.terminate(), session.group.terminate()]);
    await bystander.goesOn();
    if (isSilent) await clock.advance(LONG_MS);
    const [ofSession, ofGroup] = await ended;
    return { session: ofSession, group: ofGroup };
  }

  async function nothingIsLeft(): Promise<void> {
    await app.requestsOver();
    const none = { sessions: 0, groups: 0, ending: 0, unconfirmed: 0, pinned: 0, runners: {} };
    expect(registry.stats()).toMatchObject(none);
    // Nobody needs the time limits any more: their timers look once, and are not started again.
    await clock.advance(LONG_MS);
    expect(clock.pending).toBe(0);
  }

  async function recovers({ browser, session }: User, isSilent = false): Promise<Reports> {
    await bystander.goesOn();
    expect((await browser.get('/use')).status).toBe(200);
    const reports = await end(session, isSilent);
    await bystander.leaves();
    await nothingIsLeft();
    return reports;
  }

  return { ...app, bystander, end, recovers };
}
