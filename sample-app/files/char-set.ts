/**
 * The characters that one place of a pattern accepts, as bits: 0-127 for ASCII, one for every space beyond ASCII and
 * one for everything else beyond it. Two sets without a common bit have no common character; the reverse need not hold.
 */
export type CharSet = bigint;

export const NO_CHAR: CharSet = 0n;
const ASCII_CHARS = 128;
const OTHER_SPACE = 1n << BigInt(ASCII_CHARS);
const OTHER_CHAR = OTHER_SPACE << 1n;
export const ANY_CHAR: CharSet = (OTHER_CHAR << 1n) - 1n;

/** Every ASCII character at the index that is its code. */
const ASCII = String.fromCharCode(...Array(ASCII_CHARS).keys());
const SPACES_BEYOND_ASCII =
  '\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff';
const MAY_ACCEPT_OTHERS = /^\.$|^\[\^|\\[DSW]|[^\p{ASCII}]/u;

/** `source` is a pattern for exactly one character: `a`, `.`, `\d`, `[^"]`. The engine itself is asked. */
export function charSetOf(source: string): CharSet {
  const pattern = new RegExp(source, 'gu');
  let set = NO_CHAR;
  for (const { index } of ASCII.matchAll(pattern)) set |= 1n << BigInt(index);
  if (SPACES_BEYOND_ASCII.search(pattern) !== -1) set |= OTHER_SPACE;
  // There are a million others: not tried, but taken to be accepted wherever one could be.
  if (MAY_ACCEPT_OTHERS.test(source)) set |= OTHER_CHAR;
  return set;
}

export function overlap(a: CharSet, b: CharSet): boolean {
  return (a & b) !== NO_CHAR;
}
