import type { SessionEndReason } from '../errors.js';
import { endCreated, type Created, type Keeper } from './created.js';
import type { HookRunner } from './end-hooks.js';

/** What was made in a scope, and ends with it. What comes when all of it has ended, ends at once. */
export class Endings implements Keeper {
  private readonly created: Created[] = [];
  /** Made where something could not be made. */
  private underWay: Set<Promise<void>> | undefined;
  private isOver = false;
  private endLate: ((created: Created) => void) | undefined;

  has(instance: object): boolean {
    return this.created.some((each) => each.instance === instance);
  }

  keep(created: Created): void {
    if (this.isOver) this.endLate?.(created);
    else this.created.push(created);
  }

  release(created: readonly Created[]): Created[] {
    const released = created.filter((each) => this.created.includes(each));
    for (const each of released) this.created.splice(this.created.indexOf(each), 1);
    return released;
  }

  /** Something ends before the others do: what could not be made. */
  waitFor(ending: Promise<void>): void {
    const underWay = (this.underWay ??= new Set());
    underWay.add(ending);
    void ending.then(() => underWay.delete(ending));
  }

  /** Waits for what ends already. */
  finishUnderWay(run: HookRunner): Promise<void> | undefined {
    return this.underWay === undefined ? undefined : finish(this.underWay, run);
  }

  /** Ends the others, last created first, and what is made meanwhile. @returns how many there were */
  async endAll(run: HookRunner, reason: SessionEndReason): Promise<number> {
    let count = 0;
    for (let last = this.created.pop(); last !== undefined; last = this.created.pop()) {
      await endCreated(last, run, reason);
      count++;
    }
    this.isOver = true;
    this.endLate = (created) => void endCreated(created, run, reason);
    return count;
  }

  /** Nothing can come any more. */
  close(): void {
    this.endLate = undefined;
  }
}

async function finish(underWay: Set<Promise<void>>, run: HookRunner): Promise<void> {
  for (const ending of underWay) await run('the end of what could not be made', () => ending);
}
