import { inspect } from 'node:util';

/** What a log says of anything that was thrown, even of what cannot be looked at. */
export function describeError(error: unknown): { text: string; stack: string | undefined } {
  try {
    return error instanceof Error
      ? { text: error.message, stack: error.stack }
      : { text: typeof error === 'string' ? error : inspect(error, { depth: 1 }), stack: undefined };
  } catch {
    return { text: 'an error that cannot be shown', stack: undefined };
  }
}
