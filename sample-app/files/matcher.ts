import { BadInputError } from '../http/bad-input.error.js';
import { checkLinear, MATCHED_LINE_CHARS } from './linear-regex.js';

export type LineMatcher = (line: string) => boolean;

/**
 * Plain text matches where a line contains it; a regular expression has the `u` flag. Upper and lower case differ in
 * both. A regular expression sees only the start of a very long line, and the cut then counts as the line's end.
 */
export function createMatcher(text: string, isRegex: boolean): LineMatcher {
  if (!isRegex) return (line) => line.includes(text);
  const pattern = compile(text);
  checkLinear(text); // Before the pattern runs on anything: some take seconds even for an empty line.
  return (line) => pattern.test(line.slice(0, MATCHED_LINE_CHARS));
}

function compile(text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(': ').at(-1) : 'unknown';
    throw new BadInputError(`This is not a regular expression: ${reason}.`);
  }
}
