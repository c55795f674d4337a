import { RunnerStatus, type RunnerResult } from 'nestjs-active-session';

export interface ModelRead {
  readonly from: number | undefined;
  readonly advance: number;
  readonly atLeast: number;
  readonly dueMs: number;
  /** Set by the model. */
  outcome?: ModelOutcome;
}

export type ModelOutcome =
  RunnerResult<number[]> | { code: 'POSITION_GONE'; oldest: number } | { code: 'BAD_ARGUMENT' };

interface QueuedRead extends ModelRead {
  readonly positionAtArrival: number;
  isInTurn: boolean;
  isDue: boolean;
}

/** reading-protocol.md over a plain array: 0, 1, 2 ... are its items. What takes time in a runner happens at once. */
export class ProtocolModel {
  base = 0;
  position = 0;
  private given = 0;
  private isStarted = false;
  private end: RunnerStatus.Completed | RunnerStatus.Failed | undefined;
  /** Where an abort has cut it. */
  private abortedAt: number | undefined;
  private finalStatus: RunnerStatus | undefined;
  private readonly queue: QueuedRead[] = [];

  constructor(private readonly replay: 'last-read' | 'all' | number) {}

  get status(): RunnerStatus {
    if (this.finalStatus !== undefined) return this.finalStatus;
    if (!this.isStarted) return RunnerStatus.NotStarted;
    return this.unread > 0 ? RunnerStatus.Progressed : RunnerStatus.Stalled;
  }

  get reached(): number {
    return this.abortedAt ?? (this.isStarted ? this.given : 0);
  }

  get waitingReads(): number {
    return this.queue.length;
  }

  give(count: number): void {
    this.given += count;
    this.takeTurns();
  }

  finish(end: RunnerStatus.Completed | RunnerStatus.Failed): void {
    this.end = end;
    this.takeTurns();
  }

  abort(): void {
    if (this.finalStatus !== undefined) return;
    const [collecting] = this.queue;
    this.finalStatus = RunnerStatus.Aborted;
    if (collecting !== undefined) {
      this.queue.shift();
      const from = this.position;
      this.abortedAt = this.position = Math.min(from + collecting.advance, this.reached);
      collecting.outcome = this.page(from, this.position);
    }
    this.abortedAt = this.position;
    this.takeTurns();
  }

  read(read: ModelRead): ModelRead {
    if (read.from !== undefined && read.from < this.position) {
      read.outcome = this.outOfTurn(read.from, read.advance);
      return read;
    }
    const queued = Object.assign(read, { positionAtArrival: this.position, isInTurn: false, isDue: false });
    this.queue.push(queued);
    this.takeTurns();
    return read;
  }

  /** getAvailable */
  look(from: number | undefined, advance: number): ModelOutcome {
    if ((from ?? this.position) !== this.position || this.queue.length > 0)
      return this.outOfTurn(from ?? this.position, advance);
    this.acknowledge(this.position);
    return this.handOut(advance);
  }

  cancel(read: ModelRead): void {
    this.queue.splice(this.queue.indexOf(read as QueuedRead), 1);
    this.takeTurns();
  }

  fallDue(read: ModelRead): void {
    const queued = read as QueuedRead;
    if (read.outcome !== undefined || !this.queue.includes(queued)) return;
    queued.isDue = true;
    if (this.queue[0] === queued) return this.takeTurns();
    this.queue.splice(this.queue.indexOf(queued), 1);
    read.outcome = this.outOfTurn(read.from ?? this.position, read.advance);
  }

  private get unread(): number {
    return this.reached - this.position;
  }

  private get isOver(): boolean {
    return this.abortedAt !== undefined || (this.isStarted && this.end !== undefined);
  }

  private takeTurns(): void {
    for (let [read] = this.queue; read !== undefined; [read] = this.queue) {
      if (!read.isInTurn) {
        if (read.from !== undefined && read.from !== this.position) {
          this.queue.shift();
          read.outcome = this.outOfTurn(read.from, read.advance);
          continue;
        }
        read.isInTurn = true;
        this.isStarted = true;
        this.acknowledge(read.from ?? read.positionAtArrival);
      }
      if (!this.isOver && !read.isDue && this.unread < read.atLeast) return;
      this.queue.shift();
      read.outcome = this.handOut(read.advance);
    }
  }

  private acknowledge(position: number): void {
    if (this.replay === 'all') return;
    const confirmed = this.replay === 'last-read' ? position : Math.min(position, this.position - this.replay);
    this.base = Math.max(this.base, confirmed);
  }

  private outOfTurn(from: number, advance: number): ModelOutcome {
    if (from > this.position) return { code: 'BAD_ARGUMENT' };
    if (from < this.base) return { code: 'POSITION_GONE', oldest: this.base };
    return this.page(from, Math.min(from + advance, this.position));
  }

  private handOut(advance: number): ModelOutcome {
    const from = this.position;
    this.position = Math.min(from + advance, this.reached);
    return this.page(from, this.position);
  }

  private page(from: number, position: number): RunnerResult<number[]> {
    const status = this.statusAt(position);
    const isEnd = status === RunnerStatus.Completed || status === RunnerStatus.Failed;
    if (isEnd) this.finalStatus = status;
    const result = Array.from({ length: position - from }, (_, index) => from + index);
    return { result, from, position, status, ...(status === RunnerStatus.Failed && { error: { name: 'Error' } }) };
  }

  private statusAt(position: number): RunnerStatus {
    if (position < this.position) return RunnerStatus.Progressed;
    if (this.finalStatus !== undefined) return this.finalStatus;
    if (!this.isStarted) return RunnerStatus.NotStarted;
    if (this.unread > 0) return RunnerStatus.Progressed;
    return this.end ?? RunnerStatus.Stalled;
  }
}
