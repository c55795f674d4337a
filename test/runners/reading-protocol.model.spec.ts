import { describe, expect, it } from '@jest/globals';
import { PositionGoneError, RunnerStatus, type RunnerResult, type SequenceRunner } from 'nestjs-active-session';
import { settle } from '../support/fake-clock.js';
import { useSession } from './one-session.js';
import { ProtocolModel, type ModelOutcome, type ModelRead } from './protocol-model.js';
import { forAllHistories, type Random } from '../support/random.js';
import { numbers, Tap } from './tap.js';

const here = useSession();
const FINAL: string[] = [RunnerStatus.Completed, RunnerStatus.Failed, RunnerStatus.Aborted];
const REPLAY = ['last-read', 'all', 0, 1, 3, 10] as const;

describe('Over a network that loses, doubles, delays and reorders', () => {
  interface Request {
    from: number;
    advance: number;
    atLeast: number;
    waitMs: number | undefined;
    /** Asks only for what is there. */
    isLook: boolean;
  }
  type Reply = RunnerResult<number[]> | { goneFrom: number };

  /** One client, one runner, and what is under way between them. */
  class History {
    readonly requests: Request[] = [];
    readonly replies: Reply[] = [];
    /** The reads that wait in the server, so that their clients can vanish. */
    readonly waiting: AbortController[] = [];
    readonly rows: number[] = [];
    readonly total: number;
    private given = 0;
    private isEnded = false;
    private readonly tap = new Tap();
    private readonly runner: SequenceRunner<number>;
    private readonly fails: boolean;
    private finalStatus: string | undefined;

    constructor(
      private readonly random: Random,
      private readonly log: (what: string) => void,
    ) {
      this.total = random.whole(0, 30);
      this.fails = random.chance(0.3);
      const options = {
        replay: random.pick(REPLAY),
        queueLimit: random.pick([1, 2, 5, 1_000]),
        sliceMs: random.pick([Number.MIN_VALUE, 10]),
      };
      log(`${this.total} items, ${this.fails ? 'fails' : 'completes'}, ${JSON.stringify(options)}`);
      this.runner = here.session.createSequenceRunner(random.chance(0.5) ? this.tap : () => this.tap, options);
    }

    async run(): Promise<void> {
      const steps = this.random.whole(5, 60);
      for (let step = 0; step < steps; step++) {
        await this.step();
        if (this.random.chance(0.7)) await settle(2);
      }
      await this.arriveAtTheEnd();
      this.checkTheEnd();
      this.runner.abort();
      await settle();
    }

    private async step(): Promise<void> {
      const { random, requests, replies, waiting } = this;
      const steps: [number, () => unknown][] = [
        [4, () => this.send()],
        [3, () => this.give(random.whole(1, 5))],
        [1, () => this.advanceClock(random.pick([10, 100, 1_000]))],
      ];
      if (requests.length > 0)
        steps.push(
          [6, () => this.serve(random.draw(requests))],
          [1, () => this.serve(random.pick(requests))],
          [1, () => random.draw(requests)],
        );
      if (replies.length > 0)
        steps.push(
          [5, () => this.apply(random.draw(replies))],
          [1, () => this.apply(random.pick(replies))],
          [2, () => random.draw(replies)],
        );
      if (waiting.length > 0) steps.push([2, () => this.vanish()]);
      if (random.chance(0.1)) steps.push([1, () => this.abort()]);
      await random.weighted(steps)();
    }

    /** The client asks, be it for the first time or once more: always with its cursor. */
    private send(): void {
      if (this.finalStatus !== undefined) return;
      const advance = this.random.whole(1, 6);
      this.requests.push({
        from: this.rows.length,
        advance,
        atLeast: this.random.whole(0, advance),
        waitMs: this.random.pick([undefined, 0, 50, 500]),
        isLook: this.random.chance(0.15),
      });
      this.log(`send ${JSON.stringify(this.requests.at(-1))}`);
    }

    private serve({ from: startPosition, isLook, ...request }: Request): void {
      this.log(`serve ${startPosition} +${request.advance}`);
      const leaving = new AbortController();
      this.waiting.push(leaving);
      const read = isLook
        ? Promise.resolve().then(() => this.runner.getAvailable({ startPosition, advance: request.advance }))
        : this.runner.getRequired({ startPosition, ...request, signal: leaving.signal });
      void read
        .then(
          (result) => result,
          (error: unknown) => {
            if (error instanceof PositionGoneError) return { goneFrom: error.from };
            // Nobody is there any more. Any other error is none that this client should ever meet.
            return leaving.signal.aborted ? undefined : this.broken.push(error);
          },
        )
        .then((reply) => {
          this.waiting.splice(this.waiting.indexOf(leaving), 1);
          if (typeof reply === 'object') this.replies.push(reply);
        });
    }

    private readonly broken: unknown[] = [];

    private apply(reply: Reply): void {
      if (this.finalStatus !== undefined) return;
      const cursor = this.rows.length;
      if ('goneFrom' in reply) {
        this.log(`gone ${reply.goneFrom}`);
        expect(reply.goneFrom).not.toBe(cursor);
        return;
      }
      this.log(`apply ${JSON.stringify(reply)}`);
      if (reply.from !== cursor) return;
      this.rows.push(...reply.result);
      expect(this.rows).toEqual(numbers(0, this.rows.length));
      expect(this.rows).toHaveLength(reply.position);
      if (FINAL.includes(reply.status)) this.finalStatus = reply.status;
    }

    private give(count: number): void {
      const to = Math.min(this.given + count, this.total);
      this.log(`give ${to - this.given}`);
      this.tap.give(...numbers(this.given, to));
      this.given = to;
      if (to < this.total || this.isEnded || this.random.chance(0.5)) return;
      this.isEnded = true;
      if (this.fails) this.tap.fail(new Error('broken'));
      else this.tap.finish();
    }

    private vanish(): void {
      this.log('vanish');
      this.random.pick(this.waiting).abort();
    }

    private abort(): void {
      this.log('abort');
      this.runner.abort();
    }

    private advanceClock(ms: number): Promise<void> {
      this.log(`after ${ms} ms`);
      return here.clock.advance(ms);
    }

    /** The network works, and the client asks until it is told the end. What is late comes late. */
    private async arriveAtTheEnd(): Promise<void> {
      this.log('from here on all works');
      for (let round = 0; round < 200 && this.finalStatus === undefined; round++) {
        if (!this.isEnded) this.give(this.total);
        this.send();
        while (this.requests.length > 0) this.serve(this.random.draw(this.requests));
        await this.advanceClock(1_000);
        while (this.replies.length > 0) this.apply(this.random.draw(this.replies));
      }
    }

    private checkTheEnd(): void {
      expect(this.broken).toEqual([]);
      // An abort of which the client was told nothing before the end stops its reading there.
      if (this.finalStatus === RunnerStatus.Aborted) expect(this.rows).toEqual(numbers(0, this.runner.position));
      else expect([this.finalStatus, this.rows]).toEqual([this.fails ? 'failed' : 'completed', numbers(0, this.total)]);
    }
  }

  it('a client that follows the protocol gets everything, once and in order', async () => {
    await forAllHistories((random, log) => new History(random, log).run());
    // What a source throws while it is being stopped is logged.
    for (const fault of here.faults()) expect(fault).toContain('its source, while it was being stopped: broken');
  });
});

describe('Whatever is done to a runner', () => {
  /** The same is done to a runner and to the model; then they are compared. */
  class History {
    private readonly tap = new Tap();
    private readonly runner: SequenceRunner<number>;
    private readonly model: ProtocolModel;
    private readonly reads: { read: ModelRead; leaving: AbortController; settled: () => unknown }[] = [];
    private given = 0;
    private isEnded = false;
    private readonly startedMs = here.clock.now();

    constructor(
      private readonly random: Random,
      private readonly log: (what: string) => void,
    ) {
      const replay = random.pick(REPLAY);
      log(`replay ${replay}`);
      // Without slices, as the model has none: on a busy machine an item would come one turn later.
      this.runner = here.session.createSequenceRunner(this.tap, { replay, queueLimit: 1_000, sliceMs: Infinity });
      this.model = new ProtocolModel(replay);
    }

    async run(): Promise<void> {
      const steps = this.random.whole(5, 40);
      for (let step = 0; step < steps; step++) {
        await this.step();
        await settle(10);
        this.compare();
      }
      this.runner.abort();
      await settle();
    }

    private async step(): Promise<void> {
      const step = this.random.weighted<() => unknown>([
        [40, () => this.read()],
        [30, () => this.give()],
        [12, () => this.look()],
        [8, () => this.cancel()],
        [7, () => this.advanceClock(this.random.pick([10, 60, 500]))],
        [2, () => this.end()],
        [1, () => this.abort()],
      ]);
      await step();
    }

    /** A position around the one that is reached. */
    private from(): number | undefined {
      const { position } = this.model;
      return this.random.chance(0.4)
        ? undefined
        : Math.max(0, position + this.random.pick([0, 0, 0, -1, -2, -5, 1, 3]));
    }

    private read(): void {
      if (this.model.waitingReads > 5) return;
      const from = this.from();
      const advance = this.random.whole(1, 6);
      const atLeast = this.random.whole(0, advance);
      const waitMs = this.random.pick([undefined, undefined, 0, 50, 500]);
      this.log(`read ${JSON.stringify({ from, advance, atLeast, waitMs })}`);
      const leaving = new AbortController();
      const options = { startPosition: from, advance, atLeast, waitMs, signal: leaving.signal };
      let settled: unknown;
      this.runner.getRequired(options).then(
        (result) => (settled = result),
        (error: unknown) => (settled = error),
      );
      const dueMs = waitMs === undefined ? Infinity : here.clock.now() + waitMs;
      const read = this.model.read({ from, advance, atLeast, dueMs });
      if (waitMs === 0) this.model.fallDue(read);
      this.reads.push({ read, leaving, settled: () => settled });
    }

    private give(): void {
      if (this.isEnded) return;
      const count = this.random.whole(1, 5);
      this.log(`give ${count}`);
      this.tap.give(...numbers(this.given, this.given + count));
      this.given += count;
      this.model.give(count);
    }

    private look(): void {
      const from = this.from();
      const advance = this.random.whole(0, 6);
      this.log(`look ${JSON.stringify({ from, advance })}`);
      let outcome: unknown;
      try {
        outcome = this.runner.getAvailable({ startPosition: from, advance });
      } catch (error) {
        outcome = error;
      }
      expectOutcome(outcome, this.model.look(from, advance));
    }

    private abort(): void {
      this.log('abort');
      this.runner.abort();
      this.model.abort();
    }

    private cancel(): void {
      const waiting = this.reads.filter(({ read }) => read.outcome === undefined);
      if (waiting.length === 0) return;
      const cancelled = this.random.pick(waiting);
      this.log(`cancel ${JSON.stringify(cancelled.read)}`);
      cancelled.leaving.abort();
      this.reads.splice(this.reads.indexOf(cancelled), 1);
      this.model.cancel(cancelled.read);
    }

    private async advanceClock(ms: number): Promise<void> {
      this.log(`at ${here.clock.now() - this.startedMs + ms} ms`);
      const due = this.reads.map(({ read }) => read).filter(({ dueMs }) => dueMs <= here.clock.now() + ms);
      for (const read of due.sort((one, other) => one.dueMs - other.dueMs)) this.model.fallDue(read);
      await here.clock.advance(ms);
    }

    private end(): void {
      if (this.isEnded) return;
      this.isEnded = true;
      const end = this.random.pick([RunnerStatus.Completed, RunnerStatus.Failed] as const);
      this.log(end);
      if (end === RunnerStatus.Completed) this.tap.finish();
      else this.tap.fail(new Error('broken'));
      this.model.finish(end);
    }

    private compare(): void {
      for (const { read, settled } of this.reads) expectOutcome(settled(), read.outcome);
      this.reads.splice(0, this.reads.length, ...this.reads.filter(({ read }) => read.outcome === undefined));
      const { position, status, progress } = this.runner;
      const { model } = this;
      expect({ position, status, reached: progress.reached }).toEqual({
        position: model.position,
        status: model.status,
        reached: model.reached,
      });
    }
  }

  function expectOutcome(outcome: unknown, expected: ModelOutcome | undefined): void {
    if (expected === undefined || !('code' in expected)) expect(outcome).toEqual(expected);
    else expect(outcome).toMatchObject(expected);
  }

  it('it does as the protocol says', async () => {
    await forAllHistories((random, log) => new History(random, log).run());
  });
});
