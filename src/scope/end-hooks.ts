import type { SessionEndReason } from '../errors.js';

/** Implemented by a scoped class that wants to know why its session, or group, ends. */
export interface OnSessionEnd {
  onSessionEnd(reason: SessionEndReason): unknown;
}

/** Calls one step of a clean-up: waits for it while there is time, and keeps its error for the report. */
export type HookRunner = (what: string, step: () => unknown) => void | Promise<void>;

interface EndHooks {
  onSessionEnd?: unknown;
  onModuleDestroy?: unknown;
  [Symbol.asyncDispose]?: unknown;
  [Symbol.dispose]?: unknown;
}

/** Each hook that an instance has, once: `onSessionEnd`, `onModuleDestroy`, then its asynchronous or else synchronous disposal. */
export async function callEndHooks(
  instance: EndHooks,
  label: string,
  reason: SessionEndReason,
  run: HookRunner,
): Promise<void> {
  const { onSessionEnd, onModuleDestroy } = instance;
  if (typeof onSessionEnd === 'function')
    await run(`${label}.onSessionEnd()`, () => onSessionEnd.call(instance, reason) as unknown);
  if (typeof onModuleDestroy === 'function')
    await run(`${label}.onModuleDestroy()`, () => onModuleDestroy.call(instance) as unknown);
  const isAsync = typeof instance[Symbol.asyncDispose] === 'function';
  const dispose = isAsync ? instance[Symbol.asyncDispose] : instance[Symbol.dispose];
  if (typeof dispose === 'function')
    await run(`${label}[Symbol.${isAsync ? 'asyncDispose' : 'dispose'}]()`, () => dispose.call(instance) as unknown);
}
