import type { SessionEndReason } from '../errors.js';

/**
 * Implemented by a scoped class that wants to know why its session, or group, ends.
 * @example
 * ```ts
 * @SessionScoped()
 * export class Draft implements OnSessionEnd {
 *   async onSessionEnd(reason: SessionEndReason) {
 *     if (reason === 'idle') await this.drafts.keep(this.text);
 *   }
 * }
 * ```
 */
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

const HOOKS = [
  { key: 'onSessionEnd', name: '.onSessionEnd()' },
  { key: 'onModuleDestroy', name: '.onModuleDestroy()' },
  { key: Symbol.asyncDispose, name: '[Symbol.asyncDispose]()' },
  { key: Symbol.dispose, name: '[Symbol.dispose]()' },
] as const;

/**
 * Each hook that an instance has, once: `onSessionEnd`, `onModuleDestroy`, then its asynchronous or else synchronous
 * disposal.
 * @param reason undefined: the session goes on, and `onSessionEnd` is not called
 */
export async function callEndHooks(
  instance: EndHooks,
  label: string,
  reason: SessionEndReason | undefined,
  run: HookRunner,
): Promise<void> {
  let isDisposed = false;
  for (const { key, name } of HOOKS) {
    if (isDisposed) return;
    if (key === 'onSessionEnd' && reason === undefined) continue;
    // Looking for the hook belongs to the step: a getter, or a proxy that is strict, can throw.
    const ending = run(`${label}${name}`, () => {
      const hook = instance[key];
      if (typeof hook !== 'function') return;
      isDisposed = key === Symbol.asyncDispose;
      return (key === 'onSessionEnd' ? hook.call(instance, reason) : hook.call(instance)) as unknown;
    });
    if (ending !== undefined) await ending;
  }
}
