import { expect, it } from '@jest/globals';
import { Clock, RunnerStatus, type ClockTimer } from 'nestjs-active-session';
import { settle } from '../support/fake-clock.js';
import { useSession } from './one-session.js';
import { Tap } from './tap.js';

/** It fires all that is due at once: what one of these cancels fires all the same. */
class BatchClock extends Clock {
  private nowMs = 1_000;
  private timers: { dueMs: number; fn: () => void }[] = [];

  now(): number {
    return this.nowMs;
  }

  setTimeout(fn: () => void, delayMs: number): ClockTimer {
    const timer = { dueMs: this.nowMs + delayMs, fn };
    this.timers.push(timer);
    return { cancel: () => (this.timers = this.timers.filter((each) => each !== timer)) };
  }

  advance(ms: number): void {
    this.nowMs += ms;
    const due = this.timers.filter(({ dueMs }) => dueMs <= this.nowMs);
    this.timers = this.timers.filter(({ dueMs }) => dueMs > this.nowMs);
    for (const { fn } of due) fn();
  }
}

const clock = new BatchClock();
const here = useSession({ clock });

it('The time of a read that has been given up in the same moment costs no other read its answer', async () => {
  const runner = here.session.createSequenceRunner(new Tap());
  const collecting = runner.getRequired({ advance: 1 });
  const givenUp = new AbortController();
  clock.setTimeout(() => givenUp.abort(new Error('given up')), 50);
  const read = runner.getRequired({ advance: 1, waitMs: 50, signal: givenUp.signal });
  const last = runner.getRequired({ advance: 1 });
  const rejected = expect(read).rejects.toThrow('given up');
  await settle();
  clock.advance(50);
  await rejected;
  runner.abort();
  expect((await collecting).status).toBe(RunnerStatus.Aborted);
  expect((await last).status).toBe(RunnerStatus.Aborted);
});
