import { inspect } from 'node:util';
import { BadArgumentError } from '../../errors.js';
import type { Scope } from '../scope.js';
import type { Hold } from './hold.js';
import { LockedService } from './session-lock.js';
import type { Acquired, SessionLocks } from './session-locks.js';

/** {@link LockedService} of a lock that is, or was, held. */
export class HeldService<T = unknown> extends LockedService<T> {
  readonly service: T;
  private readonly hold: Hold | undefined;
  private isGivenAway = false;

  constructor(
    { service, hold }: Acquired<T>,
    private readonly locks: SessionLocks,
    private readonly name: string,
  ) {
    super();
    this.service = service;
    this.hold = hold;
  }

  override get isReallyLocked(): boolean {
    return this.hold?.isReleased === false;
  }

  override release(): void {
    if (!this.isGivenAway) this.hold?.release();
  }

  /**
   * The runner of a session has it from now on: what the caller still has releases nothing any more.
   * @returns an error where it has been released, or given away, before
   */
  giveTo(scope: Scope): { release(): void; runHolding<R>(fn: () => R): R } | BadArgumentError {
    const { hold, locks } = this;
    if (this.isGivenAway || hold?.isReleased === true)
      return new BadArgumentError(
        `Expected the option "holds" of a runner to be a lock that is held; that of ${this.name} was released, or given to another runner`,
      );
    this.isGivenAway = true;
    hold?.moveTo(scope.locks);
    return { release: () => hold?.release(), runHolding: (fn) => locks.runHolding(hold, fn) };
  }

  /** Printed and sent without what it holds. */
  toJSON(): object {
    return { isReallyLocked: this.isReallyLocked };
  }

  [inspect.custom](): string {
    return `LockedService<${this.name}> ${JSON.stringify(this)}`;
  }
}
