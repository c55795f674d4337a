import { afterEach, describe, expect, it } from '@jest/globals';
import { PositionGoneError, RunnerStatus, type RunnerResult, type SequenceRunner } from 'nestjs-active-session';
import { LiveSequenceRunner } from '../../src/runners/sequence/live-sequence-runner.js';
import type { SequenceLog } from '../../src/runners/sequence/sequence-log.js';
import { settle } from '../support/fake-clock.js';
import { useSession } from './one-session.js';
import { ProtocolModel, type ModelOutcome, type ModelRead } from './protocol-model.js';
import { forAllHistories, howMany, SEED, type Random } from '../support/random.js';
import { numbers, Tap } from './tap.js';

const here = useSession();
const FINAL: string[] = [RunnerStatus.Completed, RunnerStatus.Failed, RunnerStatus.Aborted];
const REPLAY = ['last-read', 'all', 0, 1, 3, 10] as const;

interface Request {
  from: number;
  advance: number;
  atLeast: number;
  waitMs: number | undefined;
  /** Asks only for what is there. */
  isLook: boolean;
}
type Reply = RunnerResult<number[]> | { goneFrom: number };

/** One who follows the protocol, and what is under way between it and the runner. */
class Client {
  readonly requests: Request[] = [];
  readonly replies: Reply[] = [];
  /** The reads that wait in the server, so that their client can vanish. */
  readonly waiting: AbortController[] = [];
  /** All that it has got: the model is that these are the source's items, in order. */
  readonly rows: number[] = [];
  readonly broken: unknown[] = [];
  finalStatus: string | undefined;

  constructor(
    readonly name: string,
    private readonly runner: SequenceRunner<number>,
    private readonly random: Random,
    private readonly log: (what: string) => void,
  ) {}

  get steps(): [weight: number, step: () => unknown][] {
    const { random, requests, replies, waiting } = this;
    const steps: [number, () => unknown][] = [[4, () => this.send()]];
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
    return steps;
  }

  /** It asks, be it for the first time or once more: always with its cursor. */
  send(): void {
    if (this.finalStatus !== undefined) return;
    const advance = this.random.whole(1, 6);
    this.requests.push({
      from: this.rows.length,
      advance,
      atLeast: this.random.whole(0, advance),
      waitMs: this.random.pick([undefined, 0, 50, 500]),
      isLook: this.random.chance(0.15),
    });
    this.log(`${this.name} sends ${JSON.stringify(this.requests.at(-1))}`);
  }

  serve({ from: startPosition, isLook, ...request }: Request): void {
    this.log(`${this.name} is served ${startPosition} +${request.advance}`);
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
          // Nobody is there any more. Any other error is none that it should ever meet.
          return leaving.signal.aborted ? undefined : this.broken.push(error);
        },
      )
      .then((reply) => {
        this.waiting.splice(this.waiting.indexOf(leaving), 1);
        if (typeof reply === 'object') this.replies.push(reply);
      });
  }

  apply(reply: Reply): void {
    if (this.finalStatus !== undefined) return;
    const cursor = this.rows.length;
    if ('goneFrom' in reply) {
      this.log(`${this.name} is told that ${reply.goneFrom} is gone`);
      expect(reply.goneFrom).not.toBe(cursor);
      return;
    }
    this.log(`${this.name} applies ${JSON.stringify(reply)}`);
    if (reply.from !== cursor) return;
    this.rows.push(...reply.result);
    expect(this.rows).toEqual(numbers(0, this.rows.length));
    expect(this.rows).toHaveLength(reply.position);
    if (FINAL.includes(reply.status)) this.finalStatus = reply.status;
  }

  private vanish(): void {
    this.log(`${this.name} vanishes`);
    this.random.pick(this.waiting).abort();
  }
}

/** One runner, one client or two, and a network that loses, doubles, delays and reorders. */
class NetworkHistory {
  private readonly total: number;
  private readonly tap = new Tap();
  private readonly runner: SequenceRunner<number>;
  private readonly clients: Client[];
  private readonly fails: boolean;
  private given = 0;
  private isEnded = false;

  constructor(
    private readonly random: Random,
    private readonly log: (what: string) => void,
  ) {
    this.total = random.whole(0, 30);
    this.fails = random.chance(0.3);
    const names = random.chance(0.5) ? ['a'] : ['a', 'b'];
    const options = {
      // Two readers need as much as they can be apart.
      replay: names.length === 1 ? random.pick(REPLAY) : random.pick(['all', 1_000] as const),
      queueLimit: random.pick([1, 2, 5, 1_000]),
      sliceMs: random.pick([Number.MIN_VALUE, 10]),
    };
    log(`${this.total} items, ${this.fails ? 'fails' : 'completes'}, ${JSON.stringify(options)}`);
    this.runner = here.session.createSequenceRunner(random.chance(0.5) ? this.tap : () => this.tap, options);
    this.clients = names.map((name) => new Client(name, this.runner, random, log));
  }

  async run(): Promise<void> {
    const { random } = this;
    const steps = random.whole(5, 60);
    for (let step = 0; step < steps; step++) {
      const ofSource: [number, () => unknown][] = [
        [3, () => this.give(random.whole(1, 5))],
        [1, () => this.advanceClock(random.pick([10, 100, 1_000]))],
      ];
      if (random.chance(0.1)) ofSource.push([1, () => this.abort()]);
      await random.weighted([...random.pick(this.clients).steps, ...ofSource])();
      if (random.chance(0.7)) await settle(2);
    }
    await this.arriveAtTheEnd();
    for (const client of this.clients) this.checkTheEnd(client);
    this.runner.abort();
    await settle();
  }

  private give(count: number): void {
    const to = Math.min(this.given + count, this.total);
    this.log(`gives ${to - this.given}`);
    this.tap.give(...numbers(this.given, to));
    this.given = to;
    if (to < this.total || this.isEnded || this.random.chance(0.5)) return;
    this.isEnded = true;
    if (this.fails) this.tap.fail(new Error('broken'));
    else this.tap.finish();
  }

  private abort(): void {
    this.log('is aborted');
    this.runner.abort();
  }

  private advanceClock(ms: number): Promise<void> {
    this.log(`after ${ms} ms`);
    return here.clock.advance(ms);
  }

  /** The network works, and the clients ask until they are told the end. What is late comes late. */
  private async arriveAtTheEnd(): Promise<void> {
    this.log('from here on all works');
    const isUnder = (): boolean => this.clients.some(({ finalStatus }) => finalStatus === undefined);
    for (let round = 0; round < 200 && isUnder(); round++) {
      if (!this.isEnded) this.give(this.total);
      for (const client of this.clients) {
        client.send();
        while (client.requests.length > 0) client.serve(this.random.draw(client.requests));
      }
      await this.advanceClock(1_000);
      for (const client of this.clients)
        while (client.replies.length > 0) client.apply(this.random.draw(client.replies));
    }
  }

  private checkTheEnd({ broken, finalStatus, rows }: Client): void {
    expect(broken).toEqual([]);
    // An abort of which a client was told nothing before the end stops its reading there.
    if (finalStatus === RunnerStatus.Aborted) expect(rows).toEqual(numbers(0, this.runner.position));
    else expect([finalStatus, rows]).toEqual([this.fails ? 'failed' : 'completed', numbers(0, this.total)]);
  }
}

/** The same is done to a runner and to the model; then they are compared. */
class ModelHistory {
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
    return this.random.chance(0.4) ? undefined : Math.max(0, position + this.random.pick([0, 0, 0, -1, -2, -5, 1, 3]));
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

/** In .ci/run 10,000. */
const HISTORIES = Number(process.env.READING_HISTORIES ?? howMany(300));

const overTheNetwork = (histories: number): Promise<void> =>
  forAllHistories((random, log) => new NetworkHistory(random, log).run(), histories);
const besideTheModel = (histories: number): Promise<void> =>
  forAllHistories((random, log) => new ModelHistory(random, log).run(), histories);

describe(`Over a network that loses, doubles, delays and reorders (seed ${SEED}, ${HISTORIES} histories)`, () => {
  it('clients that follow the protocol get everything, once and in order', async () => {
    await overTheNetwork(HISTORIES);
    // What a source throws while it is being stopped is logged.
    for (const fault of here.faults()) expect(fault).toContain('its source, while it was being stopped: broken');
  }, 600_000);
});

describe('Whatever is done to a runner', () => {
  it('it does as the protocol says', () => besideTheModel(HISTORIES), 600_000);
});

describe('A fault in the runner is found', () => {
  interface Internals {
    log: SequenceLog<number>;
    collecting: unknown;
  }
  const runners = LiveSequenceRunner.prototype as unknown as {
    beginTurn(this: Internals, read: { from: number | undefined; positionAtArrival: number }): boolean;
    onAbort(this: Internals): void;
  };
  const { beginTurn, onAbort } = runners;
  afterEach(() => {
    Object.assign(runners, { beginTurn, onAbort });
  });

  it('which judges the position of a read on its arrival only', async () => {
    runners.beginTurn = function (read) {
      // What was not ahead when it came gets new items, wherever the runner is by then.
      if (read.from !== undefined) read.from = this.log.position;
      return beginTurn.call(this, read);
    };
    await expect(overTheNetwork(1_000)).rejects.toThrow('Property failed');
    here.faults();
  }, 60_000);

  it('which takes a read without a position for a confirmation of what is answered meanwhile', async () => {
    runners.beginTurn = function (read) {
      read.positionAtArrival = this.log.position;
      return beginTurn.call(this, read);
    };
    await expect(besideTheModel(1_000)).rejects.toThrow('Property failed');
    here.faults();
  }, 60_000);

  it('which drops at an abort what was handed out', async () => {
    runners.onAbort = function () {
      onAbort.call(this);
      this.log.forget(this.log.position);
    };
    await expect(overTheNetwork(1_000)).rejects.toThrow('Property failed');
    here.faults();
  }, 60_000);
});
