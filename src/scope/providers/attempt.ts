import { endCreated, type Created, type Keeper } from '../created.js';
import type { ScopeHost } from '../scope-host.js';
import type { Scope } from '../scope.js';
import { Pending } from './pending.js';

/** The making of one instance and of what is transient beneath it: where it fails, what it has made ends at once. */
export class Attempt implements Keeper {
  private readonly created: Created[] = [];
  private hasFailed = false;

  constructor(
    private readonly scope: Scope,
    private readonly host: ScopeHost,
  ) {}

  keep(created: Created): void {
    this.created.push(created);
    this.scope.keep(created);
    // Something beside it has failed first.
    if (this.hasFailed) void this.endAll();
  }

  run(make: () => unknown): unknown {
    try {
      const made = make();
      return made instanceof Pending ? new Pending(made.promise.catch((error: unknown) => this.fail(error))) : made;
    } catch (error) {
      this.hasFailed = true;
      void this.endAll();
      throw error;
    }
  }

  private async fail(error: unknown): Promise<never> {
    this.hasFailed = true;
    await this.endAll();
    throw error;
  }

  private async endAll(): Promise<void> {
    const toEnd = this.scope.release(this.created.splice(0));
    await this.scope.context.runClean(this.scope.cellOfAwaited, async () => {
      for (const created of toEnd.reverse()) await endCreated(created, this.endStep, undefined);
    });
  }

  private readonly endStep = async (what: string, step: () => unknown): Promise<void> => {
    try {
      await step();
    } catch (error) {
      this.host.warn(`${what}, as what it was made for has failed`, error);
    }
  };
}
