import { setImmediate } from 'node:timers/promises';

const MAX_TURN_MS = 10;

/** Gives the event loop back now and then: between two found lines there may be a million that do not match. */
export class TurnTaker {
  private startedAt = performance.now();

  constructor(private readonly signal: AbortSignal) {}

  isOver(): boolean {
    return performance.now() - this.startedAt > MAX_TURN_MS;
  }

  async next(): Promise<void> {
    await setImmediate();
    this.signal.throwIfAborted();
    this.startedAt = performance.now();
  }
}
