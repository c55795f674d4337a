import { ANY_CHAR, type CharSet, NO_CHAR, overlap } from './char-set.js';
import { parseRegex, refusal, type RegexPart } from './regex-syntax.js';

/*
 * JavaScript's engine backtracks: where a part of a pattern can match in several ways and what follows fails, it tries
 * them all. Some patterns have so many ways that one line of text keeps the process busy for hours, and nothing can
 * interrupt it. So a pattern is accepted only if this file can show that it is cheap; what it cannot judge is refused.
 *
 * It reads a pattern from its end to its start and keeps, for "the rest from here", an upper bound of the engine's
 * steps at one place of the line. What decides about a repeated character:
 *
 * - nothing behind it can fail (`foo.*`): the first attempt is the last;
 * - what follows starts with none of its characters (`\w+\(`, `[^"]*"`): the repeat can end in one place only, every
 *   other attempt fails at its first character: the bounds are added;
 * - otherwise (`.*foo`) the repeat can end in as many places as the line has characters: the bounds are multiplied.
 *
 * A choice whose branches start alike (`(a|ab)`) multiplies too, as do optional characters (`a?a?a?`). The sum must
 * stay within a fixed number of steps for each character of the line: linear, from one place. The engine tries every
 * place of a line, so that a line costs at most its length times that; therefore the lines' length is limited.
 * Repeats that touch and share characters (`\d+\d+`, `.*.*x`) are refused even where the bound would allow them.
 * Not in the accepted subset at all: repeated groups, backreferences, lookarounds, named groups (regex-syntax.ts).
 */

/** A pattern sees a line up to here. */
export const MATCHED_LINE_CHARS = 1_000;
/** With lines of 1,000 characters: at most 40 million steps for a line, some 50 ms, however patterns and files fit. */
const MAX_STEPS_PER_CHAR = 40;

/** What is known about the rest of a pattern. */
interface Rest {
  /** The most steps of an attempt that fails; 0 when none can. */
  failSteps: number;
  /** The most steps of the attempt that matches: there is only one. */
  matchSteps: number;
  /** The most steps until it fails at a character that is not in `first`. */
  peekSteps: number;
  /** What a match can start with: every character, when the match can be empty. */
  first: CharSet;
  /** The characters of the endless repeats that a match can start with. */
  repeats: CharSet;
  canFail: boolean;
}

const END: Rest = { failSteps: 0, matchSteps: 0, peekSteps: 0, first: ANY_CHAR, repeats: NO_CHAR, canFail: false };

/** Throws for a pattern that is not surely cheap. The pattern has been compiled before. */
export function checkLinear(pattern: string): void {
  const whole = beforeChoice(parseRegex(pattern), END);
  const stepsPerChar = whole.failSteps / MATCHED_LINE_CHARS + whole.matchSteps / MATCHED_LINE_CHARS ** 2;
  if (stepsPerChar <= MAX_STEPS_PER_CHAR) return;
  throw refusal(
    'too many of its parts can share the same text, as in .*a.*b. ' +
      'Use fewer repeats, choices and optional parts, or narrower classes, as [^a]*a in place of .*a.',
  );
}

function beforeSequence(parts: RegexPart[], rest: Rest): Rest {
  return parts.reduceRight((after, part) => before(part, after), rest);
}

function before(part: RegexPart, rest: Rest): Rest {
  switch (part.kind) {
    case 'char':
      return { ...oneStepBefore(rest), peekSteps: 1, first: part.set, repeats: NO_CHAR };
    case 'assertion':
      return oneStepBefore(rest);
    case 'repeat':
      return beforeRepeat(part.set, part.min, part.max, rest);
    case 'choice':
      return beforeChoice(part.branches, rest);
  }
}

function oneStepBefore(rest: Rest): Rest {
  const { failSteps, matchSteps, peekSteps } = rest;
  return {
    ...rest,
    failSteps: 1 + failSteps,
    matchSteps: 1 + matchSteps,
    peekSteps: 1 + peekSteps,
    canFail: true,
  };
}

function beforeRepeat(set: CharSet, min: number, max: number, rest: Rest): Rest {
  if (max === Infinity && overlap(set, rest.repeats)) {
    throw refusal('two repeats that follow each other must not accept the same characters, as in \\d+\\d+ or .*.*x.');
  }
  const canBeEmpty = min === 0;
  return {
    ...stepsOfRepeat(set, Math.min(min, MATCHED_LINE_CHARS), Math.min(max, MATCHED_LINE_CHARS), rest),
    peekSteps: 1 + (canBeEmpty ? rest.peekSteps : 0),
    first: set | (canBeEmpty ? rest.first : NO_CHAR),
    repeats: (max === Infinity ? set : NO_CHAR) | (canBeEmpty ? rest.repeats : NO_CHAR),
    canFail: !canBeEmpty || rest.canFail,
  };
}

function stepsOfRepeat(set: CharSet, min: number, max: number, rest: Rest): Pick<Rest, 'failSteps' | 'matchSteps'> {
  if (!rest.canFail) return { failSteps: min, matchSteps: max + rest.matchSteps };
  const otherEnds = max - min;
  const hasOneEnd = !overlap(set, rest.first);
  const lostSteps = max + otherEnds * (hasOneEnd ? rest.peekSteps : rest.failSteps);
  return { failSteps: lostSteps + rest.failSteps, matchSteps: lostSteps + rest.matchSteps };
}

function beforeChoice(branches: RegexPart[][], rest: Rest): Rest {
  const ways = branches.map((branch) => beforeSequence(branch, rest));
  const canFail = ways.every((way) => way.canFail);
  const peekSteps = sum(ways.map((way) => way.peekSteps));
  const failing = ways.map((way) => way.failSteps);
  const lostSteps = startApart(ways) ? peekSteps + Math.max(...failing) : sum(failing);
  return {
    failSteps: canFail ? lostSteps : 0,
    matchSteps: lostSteps + Math.max(...ways.map((way) => way.matchSteps)),
    peekSteps,
    first: ways.reduce((set, way) => set | way.first, NO_CHAR),
    repeats: ways.reduce((set, way) => set | way.repeats, NO_CHAR),
    canFail,
  };
}

function startApart(ways: Rest[]): boolean {
  return ways.every((way, index) => ways.slice(index + 1).every((other) => !overlap(way.first, other.first)));
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
