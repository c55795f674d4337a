import { setImmediate } from 'node:timers';
import { checkObject, checkSignal, checkWaitMs, checkWhole } from '../../check-arguments.js';
import { BadArgumentError, PositionGoneError } from '../../errors.js';
import type { ResolvedOptions, SequenceOptions } from '../../options.js';
import { resolveSequence } from '../../resolve-options.js';
import { RunnerStatus, type GetAvailableOptions, type GetRequiredOptions } from '../runner.js';
import type { ErrorSerializer } from '../../serialized-error.js';
import { RunnerSetup } from '../runner-setup.js';
import { Producer, type ProducerTarget } from './producer.js';
import { SequenceLog } from './sequence-log.js';
import { ReadQueue, type Answer, type PendingRead } from './sequence-reads.js';
import { SequenceRunner, type SequenceResult } from './sequence-runner.js';
import type { SequenceSource } from './source.js';
import { UnreadBytes } from './unread-bytes.js';

/** Shared by all whose source has ended by itself. */
const STOPPED = Promise.resolve();

type SequenceSettings = ResolvedOptions['sequence'];

/** The sequence runner over a source that is pulled. Its reads follow the protocol of docs/guide/reading.md. */
export class LiveSequenceRunner<T> extends SequenceRunner<T> implements ProducerTarget<T> {
  private readonly settings: SequenceSettings;
  private readonly log = new SequenceLog<T>();
  private readonly unreadBytes: UnreadBytes;
  private readonly reads: ReadQueue<SequenceResult<T>>;
  private readonly producer: Producer<T>;
  /** The read whose turn it is, once its turn has begun. */
  private collecting: PendingRead<SequenceResult<T>> | undefined;
  /** Whether the producer was given one more turn before the collecting read is answered, and whether that is over. */
  private turn: 'none' | 'given' | 'over' = 'none';
  private isTurnUnderWay = false;

  constructor(
    setup: RunnerSetup,
    private readonly source: SequenceSource<T>,
    options: SequenceOptions = {},
  ) {
    // Bad options leave no runner half made.
    const settings = resolveSequence(options, RunnerSetup.homeOf(setup).sequence);
    super(setup);
    this.settings = settings;
    this.reads = new ReadQueue(
      this.home.clock,
      () => {
        this.markUsed();
        this.advanceReads();
      },
      ({ from, advance }) => this.readOutOfTurn(from ?? this.log.position, advance),
    );
    this.producer = new Producer(source, this, settings);
    // Each runner gets its own items to measure.
    this.unreadBytes = new UnreadBytes(settings.queueLimitBytes, settings.sizeOf as (item: unknown) => number);
  }

  override get position(): number {
    return this.log.position;
  }

  override get status(): RunnerStatus {
    const status = super.status;
    return status === RunnerStatus.Stalled && this.log.unread > 0 ? RunnerStatus.Progressed : status;
  }

  protected override get reached(): number {
    return this.log.reached;
  }

  /** Starts the source, if that has not happened yet. */
  start(): void {
    if (super.status !== RunnerStatus.NotStarted) return;
    this.markStarted();
    this.runWork(() => this.producer.start(() => this.workSignal));
  }

  /** Whether that is its source. */
  isOver(source: unknown): boolean {
    return this.source === source;
  }

  /** Closes a source that is not used. */
  closeUnused(source: SequenceSource<T>): void {
    void this.home.run(() => new Producer(source, this, this.settings).stop());
  }

  override getAvailable(options: GetAvailableOptions = {}): SequenceResult<T> {
    checkObject('the options of a read', options);
    const { advance = Infinity, startPosition } = options;
    checkWhole('advance', advance);
    checkWhole('startPosition', startPosition);
    this.markUsed();
    const from = startPosition ?? this.log.position;
    // While another read collects, everything unread is promised to it.
    if (from !== this.log.position || this.reads.first !== undefined) return this.readOutOfTurn(from, advance);
    this.acknowledge(from);
    return this.handOut(advance);
  }

  override getRequired(options: GetRequiredOptions = {}): Promise<SequenceResult<T>> {
    // Many reads wait at once: one promise for each. What throws in here rejects it.
    return new Promise((resolve, reject) => this.beginRead(options, { resolve, reject }));
  }

  private beginRead(options: GetRequiredOptions, answer: Answer<SequenceResult<T>>): void {
    checkObject('the options of a read', options);
    const { startPosition: from, waitMs, signal } = options;
    checkWhole('advance', options.advance, 1);
    checkWhole('atLeast', options.atLeast, 0);
    checkWhole('startPosition', from);
    checkWaitMs(waitMs);
    checkSignal(signal);
    const advance = options.advance ?? this.settings.defaultAdvance;
    const atLeast = Math.min(options.atLeast ?? advance, advance);
    this.markUsed();
    const { position } = this.log;
    // What is behind now stays behind; what is ahead is judged when the read's turn comes.
    if (from !== undefined && from < position) {
      answer.resolve(this.readOutOfTurn(from, advance));
      return;
    }
    if (signal?.aborted === true) throw signal.reason as Error;
    this.reads.add({ from, positionAtArrival: position, advance, atLeast, waitMs, signal }, answer);
    this.advanceReads();
  }

  // ---- the producer's side

  hasRoom(): boolean {
    // One more than the read gets: behind its items may be the end.
    const wanted = this.collecting === undefined ? 0 : this.collecting.advance + 1;
    return this.log.unread < Math.max(this.settings.queueLimit, wanted) && !this.unreadBytes.isFull;
  }

  push(item: T): void {
    this.unreadBytes.add(item);
    this.log.push(item);
    this.markStep();
    const { collecting } = this;
    if (collecting !== undefined && (this.log.unread >= collecting.atLeast || this.unreadBytes.isFull))
      this.advanceReads();
  }

  dropOldest(): boolean {
    this.unreadBytes.take(1);
    return this.log.dropOldest();
  }

  end(failure?: { error: unknown }): void {
    this.markWorkOver(failure);
    this.advanceReads();
  }

  warn(what: string, error: unknown): void {
    this.home.warn(`${this.label}: ${what}`, error);
  }

  // ---- ending

  override releaseWaits(): void {
    this.reads.releaseAll();
  }

  protected override onAbort(): void {
    const { collecting } = this;
    this.collecting = undefined;
    const collected = collecting === undefined ? [] : this.take(collecting.advance);
    const from = this.log.position - collected.length;
    this.log.dropUnread();
    this.unreadBytes.take(Infinity);
    collecting?.settle(() => {
      this.setStatus(RunnerStatus.Aborted);
      return this.answer(from, collected);
    });
    this.setStatus(RunnerStatus.Aborted);
    this.advanceReads();
  }

  protected override stopWork(reason: unknown): void {
    // What has ended by itself has stopped.
    if (this.isBackgroundCompleted && this.producer.isStopped) return;
    super.stopWork(reason);
    void this.home.run(() => this.producer.stop()).then(() => this.markWorkOver());
  }

  protected override onDispose(): Promise<void> {
    return this.producer.isStopped ? STOPPED : this.producer.stop();
  }

  // ---- reads

  /** Brings the first read forward as far as that goes, and those after it. */
  private advanceReads(): void {
    for (let read = this.reads.first; read !== undefined; read = this.reads.first) {
      if (this.collecting !== read && !this.beginTurn(read)) continue;
      if (!this.isReadyToAnswer(read)) return;
      this.collecting = undefined;
      read.settle(() => this.handOut(read.advance));
    }
    this.collecting = undefined;
  }

  /** @returns false when the read has been settled already: it was overtaken, or asks for what there is not */
  private beginTurn(read: PendingRead<SequenceResult<T>>): boolean {
    const { from } = read;
    if (from !== undefined && from !== this.log.position) {
      read.settle(() => this.readOutOfTurn(from, read.advance));
      return false;
    }
    this.acknowledge(from ?? read.positionAtArrival);
    this.collecting = read;
    this.turn = 'none';
    this.start();
    // A source that need not wait has pushed its first items, and that may have settled the read.
    this.producer.wake();
    return this.reads.first === read;
  }

  private isReadyToAnswer(read: PendingRead<SequenceResult<T>>): boolean {
    const { unread } = this.log;
    if (this.isBackgroundCompleted || super.status === RunnerStatus.Aborted || unread > read.advance) return true;
    // More than that comes only when these are read.
    if (this.unreadBytes.isFull) return true;
    if (!read.isDue && unread < read.atLeast) return false;
    // Its items are there and none behind them: is this the end? A producer that need not wait tells in one turn.
    if (this.turn === 'none') this.giveTurn(read);
    return this.turn === 'over';
  }

  /** Mostly the next item comes at once, and nobody waits for the turn any more: so there is one for all reads. */
  private giveTurn(read: PendingRead<SequenceResult<T>>): void {
    this.turn = 'given';
    if (this.isTurnUnderWay) return;
    this.isTurnUnderWay = true;
    this.home.run(() => setImmediate(() => this.endTurn(read)));
  }

  private endTurn(read: PendingRead<SequenceResult<T>>): void {
    this.isTurnUnderWay = false;
    const { collecting } = this;
    if (this.turn !== 'given' || collecting === undefined) return;
    // For a read that came in the middle of it, it was not a whole one.
    if (collecting !== read) this.giveTurn(collecting);
    else {
      this.turn = 'over';
      this.advanceReads();
    }
  }

  // ---- answers

  /** A page that was handed out before, or at `position` nothing. It waits for nothing and changes nothing. */
  private readOutOfTurn(from: number, advance: number): SequenceResult<T> {
    const { base, position } = this.log;
    if (from > position)
      throw new BadArgumentError(
        `Expected startPosition to be at most ${position}, where the last read ended, got ${from}`,
      );
    if (from < base) throw new PositionGoneError(from, base);
    return this.answer(from, this.log.slice(from, Math.min(from + advance, position)));
  }

  private handOut(advance: number): SequenceResult<T> {
    const from = this.log.position;
    const items = this.take(advance);
    this.producer.wake();
    return this.answer(from, items);
  }

  private take(count: number): T[] {
    const items = this.log.take(count);
    this.unreadBytes.take(items.length);
    return items;
  }

  private answer(from: number, result: T[]): SequenceResult<T> {
    const position = from + result.length;
    const status = this.statusAt(position);
    if (position === this.log.position)
      this.setStatus(status === RunnerStatus.Progressed ? RunnerStatus.Stalled : status);
    return this.resultOf(result, from, position, status);
  }

  protected override get errorSerializer(): ErrorSerializer {
    return this.settings.serializeError;
  }

  private statusAt(position: number): RunnerStatus {
    if (position < this.log.position) return RunnerStatus.Progressed;
    const status = super.status;
    if (status === RunnerStatus.Aborted || status === RunnerStatus.NotStarted) return status;
    if (this.log.unread > 0) return RunnerStatus.Progressed;
    if (!this.isBackgroundCompleted) return RunnerStatus.Stalled;
    return this.outcome;
  }

  private acknowledge(position: number): void {
    const { replay } = this.settings;
    if (replay === 'all') return;
    this.log.forget(replay === 'last-read' ? position : Math.min(position, this.log.position - replay));
  }
}
