/** Whether it is a promise, or something that can be awaited like one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  const canHaveMembers = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return canHaveMembers && typeof (value as { then?: unknown }).then === 'function';
}

/** Something that must not be a promise may be one: where that fails nobody hears of it, and the process goes on. */
export function disown(value: unknown): void {
  if (isThenable(value)) Promise.resolve(value).then(undefined, () => undefined);
}
