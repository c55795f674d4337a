import { inspect } from 'node:util';

/** What a log says of anything that was thrown, even of what cannot be looked at. */
export function describeError(error: unknown): { text: string; stack: string | undefined } {
  try {
    if (!(error instanceof Error))
      return { text: typeof error === 'string' ? error : inspect(error, { depth: 1 }), stack: undefined };
    // Nothing sees to it that it is a text.
    const message: unknown = error.message;
    return { text: String(message), stack: error.stack };
  } catch {
    return { text: 'an error that cannot be shown', stack: undefined };
  }
}
