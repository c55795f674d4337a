import { describe, expect, it } from '@jest/globals';
import { RunnerStatus, type Runner, type RunnerChange } from 'nestjs-active-session';
import { map } from 'rxjs';
import { settle } from '../support/fake-clock.js';
import { useSession } from './one-session.js';
import { numbers, Tap } from './tap.js';

const here = useSession();

/** What is told, in short; `end` for the completion. */
function follow(runner: Runner): unknown[] {
  const told: unknown[] = [];
  runner.changes$.subscribe({
    next: ({ status, position, progress }) => told.push([status, position, progress.reached]),
    complete: () => told.push('end'),
  });
  return told;
}

describe('changes$ of a runner', () => {
  it('tells how it is, how it changes, and that it has ended', async () => {
    const tap = new Tap();
    const runner = here.session.createSequenceRunner(tap);
    const told = follow(runner);
    expect(told.splice(0)).toEqual([['not-started', 0, 0]]);
    const read = runner.getRequired({ advance: 2 });
    await settle();
    expect(told.splice(0)).toEqual([['stalled', 0, 0]]);
    await here.clock.advance(100);
    tap.give(0, 1, 2);
    await read;
    await here.clock.advance(100);
    expect(told.splice(0).at(-1)).toEqual(['progressed', 2, 3]);
    tap.finish();
    await settle();
    await here.clock.advance(100);
    expect((await runner.getRequired()).status).toBe(RunnerStatus.Completed);
    expect(told.slice(-2)).toEqual([['completed', 3, 3], 'end']);
  });

  it('tells the latest of many at most every 100 ms', async () => {
    const runner = here.session.createSequenceRunner(numbers(0, 500), { queueLimit: 1_000 });
    const told = follow(runner);
    runner.getAvailable();
    void runner.getRequired({ advance: 1 });
    await settle();
    expect(told.length).toBeLessThanOrEqual(2);
    await here.clock.advance(99);
    expect(told.length).toBeLessThanOrEqual(2);
    await here.clock.advance(1);
    expect(told).toHaveLength(3);
    expect(told[2]).toEqual(['progressed', 1, 500]);
    await here.clock.advance(1_000);
    expect(told).toHaveLength(3);
    runner.abort();
  });

  it.each(['aborted', 'ended with its session'])('completes when it is %s, also for who comes later', async (how) => {
    const runner = here.session.createSequenceRunner(new Tap());
    const early = follow(runner);
    if (how === 'aborted') runner.abort();
    else await here.session.terminate();
    expect(early.slice(-2)).toEqual([['aborted', 0, 0], 'end']);
    expect(follow(runner)).toEqual([['aborted', 0, 0], 'end']);
  });

  it('tells of a process by itself, and its subscribers run in its session', async () => {
    let report: (value: string) => void = () => undefined;
    const runner = here.session.createProcessRunner<string>((given, signal) => {
      report = given;
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    });
    const seen: unknown[] = [];
    runner.changes$.pipe(map(({ progress }: RunnerChange) => progress.reached)).subscribe((reached) => {
      seen.push([reached, here.current() === here.session]);
    });
    report('a');
    expect(seen).toEqual([
      [0, false],
      [1, true],
    ]);
    runner.abort();
  });

  it('keeps the errors of its subscribers to itself, and goes on', async () => {
    const runner = here.session.createSequenceRunner([1, 2]);
    runner.changes$.subscribe(({ status }) => {
      if (status !== RunnerStatus.NotStarted) throw new Error('cannot draw this');
    });
    const told = follow(runner);
    await runner.getRequired();
    expect(told.at(-1)).toBe('end');
    expect(here.faults()[0]).toMatch(/sequence runner 0: subscriber of changes\$: cannot draw this/);
  });

  it('takes a subscriber that reads, and tells nothing where nothing has changed', async () => {
    const tap = new Tap();
    const runner = here.session.createSequenceRunner(tap, { startNow: true });
    let told = 0;
    runner.changes$.subscribe(() => {
      told++;
      runner.getAvailable();
    });
    tap.give(1);
    await settle();
    for (let poll = 0; poll < 5; poll++) {
      await here.clock.advance(100);
      runner.getAvailable();
    }
    expect(told).toBeLessThan(5);
    runner.abort();
  });

  it('has the last word also for one whose first look ends the runner', () => {
    const runner = here.session.createSequenceRunner(new Tap());
    const told: unknown[] = [];
    runner.changes$.subscribe({
      next: ({ status }) => {
        told.push(status);
        runner.abort();
      },
      complete: () => told.push('end'),
    });
    expect(told).toEqual(['not-started', 'aborted', 'end']);
  });

  it('leaves no timer behind when nobody listens any more', async () => {
    const tap = new Tap();
    const runner = here.session.createSequenceRunner(tap, { startNow: true });
    const timers = here.clock.pending;
    const subscription = runner.changes$.subscribe();
    tap.give(1);
    await settle();
    subscription.unsubscribe();
    await here.clock.advance(100);
    tap.give(2);
    await settle();
    expect(here.clock.pending).toBe(timers);
    runner.abort();
  });
});
