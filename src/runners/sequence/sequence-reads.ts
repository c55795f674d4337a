import type { ClockTimer, Clock } from '../../clock.js';

/** A read that waits for its turn, or for its items. */
export interface PendingRead<A> {
  readonly from: number | undefined;
  /** The position at its arrival: a read without `from` confirms no later one. */
  readonly positionAtArrival: number;
  readonly advance: number;
  readonly atLeast: number;
  /** `waitMs` is over. */
  isDue: boolean;
  /** It leaves the queue, and then its answer is made, which may be an error. */
  settle(makeAnswer: () => A): void;
}

export interface ReadRequest {
  readonly from: number | undefined;
  readonly positionAtArrival: number;
  readonly advance: number;
  readonly atLeast: number;
  readonly waitMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Takes the answer to a read. */
export interface Answer<A> {
  // Methods leave a queue of one kind of answer assignable to one of any: functions would not.
  resolve(answer: A): void;
  reject(error: unknown): void;
}

/** A read in the queue. */
class QueuedRead<A> implements PendingRead<A> {
  readonly from: number | undefined;
  readonly positionAtArrival: number;
  readonly advance: number;
  readonly atLeast: number;
  readonly signal: AbortSignal | undefined;
  isDue = false;
  timer: ClockTimer | undefined;
  onAbort: (() => void) | undefined;
  /** Settled, or given up. */
  private hasLeft = false;

  constructor(
    { from, positionAtArrival, advance, atLeast, signal }: ReadRequest,
    private readonly queue: { remove(read: QueuedRead<A>): void },
    private readonly answer: Answer<A>,
  ) {
    this.from = from;
    this.positionAtArrival = positionAtArrival;
    this.advance = advance;
    this.atLeast = atLeast;
    this.signal = signal;
  }

  settle(makeAnswer: () => A): void {
    // A clock may fire what was cancelled in the same moment: items that are taken for nobody would be lost.
    if (this.hasLeft) return;
    this.leave();
    try {
      this.answer.resolve(makeAnswer());
    } catch (error) {
      this.answer.reject(error);
    }
  }

  fail(error: unknown): void {
    if (this.hasLeft) return;
    this.leave();
    this.answer.reject(error);
  }

  private leave(): void {
    this.hasLeft = true;
    this.queue.remove(this);
    this.timer?.cancel();
    if (this.onAbort !== undefined) this.signal?.removeEventListener('abort', this.onAbort);
  }
}

/** New reads in order of arrival; the first one collects, the others wait for their turn. */
export class ReadQueue<A> {
  private readonly reads: QueuedRead<A>[] = [];

  constructor(
    private readonly clock: Clock,
    /** Something of the first read may have changed: whether it is the first, or whether it is due. */
    private readonly onChange: () => void,
    /** The answer to a read whose time is up before its turn. */
    private readonly answerOutOfTurn: (read: PendingRead<A>) => A,
  ) {}

  get first(): PendingRead<A> | undefined {
    return this.reads[0];
  }

  /** Lets all reads answer with what there is. */
  releaseAll(): void {
    if (this.reads.length === 0) return;
    for (const read of this.reads) read.isDue = true;
    this.onChange();
  }

  /** Adds a read at the end. It is answered when it is settled, or fails with the signal's reason. */
  add(request: ReadRequest, answer: Answer<A>): void {
    const read = new QueuedRead(request, this, answer);
    const { signal, waitMs } = request;
    if (signal !== undefined) {
      read.onAbort = () => {
        read.fail(signal.reason);
        this.onChange();
      };
      signal.addEventListener('abort', read.onAbort);
    }
    this.reads.push(read);
    if (waitMs === 0) this.makeDue(read);
    else if (waitMs !== undefined && waitMs !== Infinity)
      read.timer = this.clock.setTimeout(() => this.makeDue(read), waitMs);
  }

  /** Called by a read that is settled, or given up. */
  remove(read: QueuedRead<A>): void {
    if (this.reads[0] === read) this.reads.shift();
    else this.reads.splice(this.reads.indexOf(read), 1);
  }

  private makeDue(read: QueuedRead<A>): void {
    read.isDue = true;
    if (read === this.first) this.onChange();
    else read.settle(() => this.answerOutOfTurn(read));
  }
}
