import type { SessionEndReason } from '../errors.js';
import { callEndHooks, type HookRunner } from './end-hooks.js';

/** What has made an instance: how messages name it, and what ends it instead of its hooks. */
export interface Maker {
  readonly label: string;
  readonly dispose?: ((instance: object) => unknown) | undefined;
}

/** An instance that ends with its scope. */
export interface Created {
  readonly maker: Maker;
  readonly instance: object;
}

/** Remembers what was made, so that it is ended. */
export interface Keeper {
  keep(created: Created): void;
  /** Takes back what was kept. @returns those that have not begun to end */
  release(created: readonly Created[]): Created[];
}

/** By its hooks, or by what its maker says. */
export function endCreated(
  { maker, instance }: Created,
  run: HookRunner,
  reason: SessionEndReason | undefined,
): void | Promise<void> {
  const { label, dispose } = maker;
  if (dispose === undefined) return callEndHooks(instance, label, reason, run);
  return run(`${label}, dispose()`, () => dispose(instance));
}
