/** Whether an error is what work throws that does as its signal says: then it is no fault. */
export function isAbortOf(signal: AbortSignal | undefined, error: unknown): boolean {
  if (signal?.aborted === true && error === signal.reason) return true;
  return error instanceof Error && error.name === 'AbortError';
}
