import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { getActiveSession, requestSignal, SessionScoped, sessionScoped } from 'nestjs-active-session';
import { first } from 'rxjs';
import { until, untilAborted } from '../support/gate.js';
import { REJECTING, THROWING } from './faults.js';
import { expectClean, groupNameOf, nameOf, useScenes } from './scene.js';

const { start, faults } = useScenes();

const FAULTS = [...THROWING, ...REJECTING].map((fault) => [fault.name, fault] as const);

const isEnding = ({ type }: { type: string }): boolean => type === 'ending';

describe('Whoever is told of the end of a session', () => {
  it.each(FAULTS)('and %s stops nothing: the others are told, and the log knows who it was', async (_how, fault) => {
    const scene = await start();
    const user = await scene.user();
    const { session } = user;
    let signalOfBody: AbortSignal | undefined;
    const runner = session.createProcessRunner((_report, signal) => untilAborted((signalOfBody = signal)));
    await until(() => signalOfBody !== undefined);
    const signals = [
      session.completionSignal,
      session.group.completionSignal,
      runner.completionSignal,
      signalOfBody as AbortSignal,
    ];
    let told = 0;
    const tell = (): number => told++;
    for (const signal of signals)
      for (const listener of [fault.act, tell]) signal.addEventListener('abort', listener, { once: true });
    for (const listener of [fault.act, tell]) {
      runner.changes$.subscribe({ complete: listener });
      scene.registry.events$.pipe(first(isEnding)).subscribe(listener);
      scene.groups.events$.pipe(first(isEnding)).subscribe(listener);
    }

    const reports = await scene.end(session);
    expectClean(reports);
    const name = `${nameOf(session)} (terminated)`;
    const lines = [
      'A subscriber of events$ has failed',
      'A subscriber of events$ has failed',
      `${name}, listener of completionSignal`,
      `${groupNameOf(session)} (terminated), listener of completionSignal`,
      `${name}, process runner 0: subscriber of changes$`,
      `${name}, process runner 0: listener of completionSignal`,
      `${name}, process runner 0: listener of its signal`,
    ];
    expect(faults().sort()).toEqual(lines.map((line) => `${line}: ${fault.text}`).sort());
    expect(told).toBe(lines.length);
    expectClean(await scene.recovers({ ...user, session: await scene.enter(user.browser) }));
  });
});

describe('A listener of requestSignal()', () => {
  it.each(FAULTS)('that %s stops nothing: the others are told, and the log knows of it', async (_how, fault) => {
    let told = 0;
    const scene = await start({
      handlers: {
        wait: async (req) => {
          const signal = requestSignal(req);
          signal.addEventListener('abort', fault.act);
          signal.addEventListener('abort', () => told++);
          await untilAborted(signal);
        },
      },
    });
    const user = await scene.user();
    const client = new AbortController();
    const answer = user.browser.get('/wait', { signal: client.signal });
    await until(() => scene.registry.stats().pinned > 0);
    client.abort();
    await expect(answer).rejects.toThrow();
    await until(() => told > 0);
    await scene.requestsOver();
    expect(faults()).toEqual([`A listener of requestSignal() has failed: ${fault.text}`]);
    expectClean(await scene.recovers(user));
  });
});

describe('A logger that throws', () => {
  it('stops nothing: what it was to log is on the console', async () => {
    @SessionScoped()
    class Faulty {
      onModuleDestroy(): void {
        throw new Error('out of order');
      }
    }
    let isReady = true;
    const useFactory = async (): Promise<object> => {
      if (!isReady) throw new Error('not ready');
      return {};
    };
    const scene = await start({
      providers: [Faulty, sessionScoped({ provide: 'Prepared', useFactory })],
      handlers: { faulty: (req) => void getActiveSession(req).services.get(Faulty) },
    });
    const user = await scene.user();
    await user.browser.get('/faulty');
    const fail = (): never => {
      throw new Error('the log is full');
    };
    jest.mocked(Logger.prototype.error).mockRestore();
    scene.app.useLogger({ log: fail, warn: fail, error: fail });
    const console = jest.spyOn(globalThis.console, 'error').mockReturnValue();

    isReady = false;
    expect((await user.browser.get('/use?tab=new')).body).toMatchObject({ code: 'PREPARATION_FAILED' });
    isReady = true;
    const [failure] = (await scene.recovers(user)).session.failed;
    expect(failure?.what).toBe('Faulty.onModuleDestroy()');
    expect(console.mock.calls.flat()).toEqual([
      'The logger has thrown at: Prepared could not be prepared: not ready',
      `The logger has thrown at: ${nameOf(user.session)} (terminated), Faulty.onModuleDestroy(): out of order`,
    ]);
  });
});
