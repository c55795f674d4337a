/** Whether an error is what work throws that does as its signal says: then it is no fault. */
export function isAbortOf(signal: AbortSignal | undefined, error: unknown): boolean {
  if (signal?.aborted === true && error === signal.reason) return true;
  return error instanceof Error && error.name === 'AbortError';
}

/**
 * Calls `stop` when a read must not wait any longer: its signal aborts, or the request that made it loses its session to
 * another user. @returns takes that back
 */
export function onStopOfRead(
  signal: AbortSignal | undefined,
  onCallerLost: (stop: (reason: unknown) => void) => () => void,
  stop: (reason: unknown) => void,
): () => void {
  const onAbort = (): void => stop(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  const forget = onCallerLost(stop);
  return () => {
    signal?.removeEventListener('abort', onAbort);
    forget();
  };
}
