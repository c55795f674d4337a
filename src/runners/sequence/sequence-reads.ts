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

/** New reads in order of arrival; the first one collects, the others wait for their turn. */
export class ReadQueue<A> {
  private readonly reads = new Set<PendingRead<A>>();

  constructor(
    private readonly clock: Clock,
    /** Something of the first read may have changed: whether it is the first, or whether it is due. */
    private readonly onChange: () => void,
    /** The answer to a read whose time is up before its turn. */
    private readonly answerOutOfTurn: (read: PendingRead<A>) => A,
  ) {}

  get first(): PendingRead<A> | undefined {
    return this.reads.values().next().value;
  }

  /** Lets all reads answer with what there is. */
  releaseAll(): void {
    for (const read of this.reads) read.isDue = true;
    this.onChange();
  }

  /** Adds a read at the end. It resolves when it is settled, or rejects with the signal's reason. */
  add(request: ReadRequest): Promise<A> {
    return new Promise<A>((resolve, reject) => {
      const { signal, waitMs } = request;
      let timer: ClockTimer | undefined;
      const leave = (): void => {
        this.reads.delete(read);
        timer?.cancel();
        signal?.removeEventListener('abort', onAbort);
      };
      const read: PendingRead<A> = {
        ...request,
        isDue: false,
        settle: (makeAnswer) => {
          leave();
          try {
            resolve(makeAnswer());
          } catch (error) {
            reject(error);
          }
        },
      };
      const onAbort = (): void => {
        leave();
        reject(signal?.reason);
        this.onChange();
      };
      const onDue = (): void => {
        read.isDue = true;
        if (read === this.first) this.onChange();
        else read.settle(() => this.answerOutOfTurn(read));
      };
      signal?.addEventListener('abort', onAbort);
      this.reads.add(read);
      if (waitMs === 0) onDue();
      else if (waitMs !== undefined && waitMs !== Infinity) timer = this.clock.setTimeout(onDue, waitMs);
    });
  }
}
