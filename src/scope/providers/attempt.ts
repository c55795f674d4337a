import { endCreated, type Created, type Keeper } from '../created.js';
import type { Scope } from '../scope.js';
import { Pending } from './pending.js';

/** The making of one object and of what is transient beneath it: where it fails, what it has made ends at once. */
export class Attempt implements Keeper {
  private readonly created: Created[] = [];
  private hasFailed = false;

  constructor(
    private readonly scope: Scope,
    /** Keeps what is made while all goes well. */
    private readonly keeper: Keeper,
  ) {}

  keep(created: Created): void {
    // Something beside it has failed first.
    if (this.hasFailed) this.end([created]);
    else {
      this.created.push(created);
      this.keeper.keep(created);
    }
  }

  release(created: readonly Created[]): Created[] {
    return this.keeper.release(created);
  }

  /** @returns what `make` returns, which may be pending */
  run(make: () => unknown): unknown {
    try {
      const made = make();
      return made instanceof Pending ? new Pending(made.promise.catch((error: unknown) => this.fail(error))) : made;
    } catch (error) {
      return this.fail(error);
    }
  }

  /** Nobody waits for the ends but the scope's own. */
  private fail(error: unknown): never {
    this.hasFailed = true;
    this.end(this.release(this.created.splice(0)));
    throw error;
  }

  private end(created: Created[]): void {
    if (created.length === 0) return;
    const { scope } = this;
    const ending = scope.context.runClean(scope.cellOfAwaited, async () => {
      for (const each of created.reverse()) await endCreated(each, this.endStep, undefined);
    });
    scope.waitForEnd(ending);
  }

  private readonly endStep = async (what: string, step: () => unknown): Promise<void> => {
    try {
      await step();
    } catch (error) {
      this.scope.host.logError(`${what}, ended because what needed it could not be made`, error);
    }
  };
}
