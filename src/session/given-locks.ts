import { BadArgumentError } from '../errors.js';
import { releaseAll, type GivenLock, type Holding } from '../runners/holding.js';
import { HeldService } from '../scope/locks/held-service.js';
import type { Scope } from '../scope/scope.js';

const NONE: readonly GivenLock[] = [];

/** The locks of the option `holds`, taken away from whoever gives them to a runner of this scope. */
export class GivenLocks {
  readonly taken: readonly GivenLock[];
  private failure: Error | undefined;

  constructor(holds: Holding | readonly Holding[] | undefined, scope: Scope) {
    this.taken =
      holds === undefined ? NONE : ([holds].flat() as readonly Holding[]).flatMap((each) => this.take(each, scope));
  }

  /** @throws BadArgumentError where there is something else among them, or what nobody holds */
  check(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  release(): void {
    releaseAll(this.taken);
  }

  private take(holding: Holding, scope: Scope): GivenLock[] {
    const lock = holding instanceof HeldService ? holding.giveTo(scope) : notALock();
    if (!(lock instanceof Error)) return [lock];
    this.failure ??= lock;
    return [];
  }
}

function notALock(): BadArgumentError {
  return new BadArgumentError('Expected the option "holds" of a runner to be a LockedService, or a list of them');
}
