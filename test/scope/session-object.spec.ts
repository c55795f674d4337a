import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Post, Query } from '@nestjs/common';
import {
  ActiveSession,
  ActiveSessionGroup,
  GroupScoped,
  InjectActiveSession,
  InjectActiveSessionGroup,
  NotInSessionError,
  SessionEndedError,
  SessionScoped,
} from 'nestjs-active-session';
import { inspect } from 'node:util';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

afterEach(closeApps);

/** Every way to have the session object in a singleton. */
@Injectable()
class Holder {
  @InjectActiveSession() byProperty!: ActiveSession;
  @InjectActiveSessionGroup() groupByProperty!: ActiveSessionGroup;

  constructor(
    readonly byType: ActiveSession,
    readonly groupByType: ActiveSessionGroup,
    @InjectActiveSession() readonly byDecorator: ActiveSession,
    @InjectActiveSessionGroup() readonly groupByDecorator: ActiveSessionGroup,
  ) {}

  get sessions(): ActiveSession[] {
    return [this.byType, this.byDecorator, this.byProperty];
  }

  get groups(): ActiveSessionGroup[] {
    return [this.groupByType, this.groupByDecorator, this.groupByProperty];
  }
}

describe('The session object', () => {
  it('in a constructor or property of a singleton stands for the session of the running code', async () => {
    const app = await startScopedApp({ providers: [Holder] });
    const [alice, bob] = [await app.user(), await app.user()];
    const { sessions, groups } = app.get(Holder);
    for (const { run, session } of [alice, bob]) {
      expect(run(() => sessions.map(({ id }) => id))).toEqual(Array(3).fill(session.id));
      expect(run(() => groups.map(({ id }) => id))).toEqual(Array(3).fill(session.group.id));
      expect(run(() => sessions.map(({ group }) => group))).toEqual(Array(3).fill(session.group));
    }
    alice.run(() => sessions[0]!.properties.set('colour', 'red'));
    expect([alice, bob].map(({ run }) => run(() => sessions[1]!.properties.get('colour')))).toEqual(['red', undefined]);
    expect(alice.run(() => groups[0]!.sessions.get(''))).toBe(alice.session);
  });

  it('in a session-scoped class is the real one of its session', async () => {
    @SessionScoped()
    class Scoped extends Holder {}
    const app = await startScopedApp({ providers: [Scoped] });
    const [alice, bob] = [await app.user(), await app.user()];
    const scoped = bob.run(() => alice.session.services.get(Scoped));
    expect(scoped.sessions).toEqual([alice.session, alice.session, alice.session]);
    for (const session of scoped.sessions) expect(session).toBe(alice.session);
    for (const group of scoped.groups) expect(group).toBe(alice.session.group);
  });

  it('as a parameter of a handler is the real one of the request', async () => {
    const seen: unknown[] = [];
    @Controller('seen')
    class SeenController {
      constructor(private readonly holder: Holder) {}
      @Get()
      get(
        @Query('tab') tab: string,
        @InjectActiveSession() session: ActiveSession,
        @InjectActiveSessionGroup() group: ActiveSessionGroup,
      ): boolean {
        seen.push(session, group, tab);
        return this.holder.byType.id === session.id && this.holder.groupByType.id === group.id;
      }
    }
    const app = await startScopedApp({ providers: [Holder], controllers: [SeenController] });
    const user = await app.user();
    const tab = await user.tab('two');
    expect((await user.browser.get('/seen?tab=two')).text).toBe('true');
    expect(seen).toEqual([tab.session, user.session.group, 'two']);
    expect(seen[0]).toBe(tab.session);
  });

  it('outside of a session says that there is none, and why it cannot be used', async () => {
    const app = await startScopedApp({ providers: [Holder] });
    const { byType, groupByType } = app.get(Holder);
    expect([byType.isAvailable, groupByType.isAvailable]).toEqual([false, false]);
    expect(() => byType.id).toThrow(NotInSessionError);
    expect(() => byType.id).toThrow('ActiveSession.id was used outside of an active session');
    expect(() => groupByType.sessions).toThrow('ActiveSessionGroup.sessions was used outside of an active session');
    expect(() => byType.terminate()).toThrow(NotInSessionError);
    expect([inspect(byType), inspect(groupByType)]).toEqual([
      '[ActiveSession: one per session]',
      '[ActiveSessionGroup: one per group]',
    ]);
    expect(byType).toBeInstanceOf(ActiveSession);
    expect(groupByType).toBeInstanceOf(ActiveSessionGroup);
  });

  it('in the code of a group is not available, while the group is', async () => {
    const seen: unknown[] = [];
    @GroupScoped()
    class OfGroup {
      constructor({ byType, groupByType }: Holder) {
        seen.push(byType.isAvailable, groupByType.isAvailable, groupByType.id, inspect(byType));
      }
    }
    const app = await startScopedApp({ providers: [Holder, OfGroup] });
    const { session } = await app.user();
    expect(session.services.get(OfGroup)).toBeInstanceOf(OfGroup);
    expect(seen).toEqual([false, true, session.group.id, '[ActiveSession: one per session]']);
  });

  it('makes the session at its first use in a request, and not where one only asks whether there is one', async () => {
    @Controller()
    class LookController {
      constructor(
        @InjectActiveSession() private readonly session: ActiveSession,
        @InjectActiveSessionGroup() private readonly group: ActiveSessionGroup,
      ) {}
      @Get('look')
      look(): boolean[] {
        return [
          this.session.isAvailable,
          this.group.isAvailable,
          'id' in this.session,
          inspect(this.session).length > 0,
        ];
      }
      @Get('use')
      use(): unknown {
        return { generation: this.session.generation, size: this.group.sessions.size };
      }
    }
    const app = await startScopedApp({ controllers: [LookController] });
    const browser = app.browser();
    expect((await browser.get('/look')).body).toEqual([true, true, true, true]);
    expect(app.registry.all()).toHaveLength(0);
    expect((await browser.get('/use')).body).toEqual({ generation: 1, size: 1 });
    expect(app.registry.all()).toHaveLength(1);
  });

  it('of a request whose session was ended can still tell so', async () => {
    @Controller('end')
    class EndController {
      constructor(
        private readonly session: ActiveSession,
        private readonly group: ActiveSessionGroup,
      ) {}
      @Post()
      async end(): Promise<unknown> {
        await this.session.terminate();
        const { isAvailable, endReason, generation } = this.session;
        return { isAvailable, endReason, generation, group: this.group.isAvailable };
      }
    }
    const app = await startScopedApp({ controllers: [EndController], providers: [Holder] });
    const user = await app.user();
    const { body } = await user.browser.post('/end');
    expect(body).toEqual({ isAvailable: false, endReason: 'terminated', generation: 1, group: true });
    await user.session.group.cleanupCompletion;
    expect(() => user.run(() => app.get(Holder).byType.id)).toThrow(SessionEndedError);
    expect(user.run(() => app.get(Holder).byType.isAvailable)).toBe(false);
    expect(user.run(() => inspect(app.get(Holder).byType))).toBe('[ActiveSession: one per session]');
  });
});
