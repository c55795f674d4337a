/** What a stream of Node throws at whoever reads it when it is destroyed. */
const PREMATURE_CLOSE = 'ERR_STREAM_PREMATURE_CLOSE';

/** Whether an error is what work throws that does as its signal says, or as it is told otherwise: then it is no fault. */
export function isAbortOf(signal: AbortSignal | undefined, error: unknown): boolean {
  if (signal?.aborted === true && error === signal.reason) return true;
  if (typeof error !== 'object' || error === null) return false;
  try {
    const { name, code } = error as { name?: unknown; code?: unknown };
    return name === 'AbortError' || code === PREMATURE_CLOSE;
  } catch {
    // What cannot be looked at is none: whoever asks must go on.
    return false;
  }
}
