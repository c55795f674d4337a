import { describe, expect, it } from '@jest/globals';
import { MATCHED_LINE_CHARS } from '../../sample-app/files/linear-regex.js';
import { createMatcher } from '../../sample-app/files/matcher.js';
import { detailOf } from './detail-of.js';

/** As a user gets it: compiled first, then judged. */
const refusalOf = (pattern: string) => detailOf(() => createMatcher(pattern, true));

const REPEATED_GROUP = 'a group may be optional, but not repeated';
const TOUCHING_REPEATS = 'two repeats that follow each other';
const SHARED_TEXT = 'too many of its parts can share the same text';

describe('accepted patterns', () => {
  it.each([
    'foo',
    'TODO|FIXME',
    '^\\s*import .* from',
    'import .* from .*',
    'import \\{[^}]*\\} from',
    'function \\w+\\(',
    '\\w+\\s+\\w+\\s+\\w+!',
    '\\s+\\S+',
    '"[^"]*": "[^"]*",$',
    '(get|set)?[A-Z]\\w*\\(',
    '(?:https?|ftp)://[^/ ]+/',
    '\\b[a-z]{2,8}\\b',
    '\\d{4}-\\d\\d-\\d\\d',
    '[a-z]+[0-9]+[a-z]+',
    'lazy.*?;',
    '(a|ab)c',
    'colou?r',
    '[.*+?^${}()|[\\]\\\\]',
    '(?:)',
    'ä+o+',
  ])('%s', (pattern) => {
    expect(refusalOf(pattern)).toBeUndefined();
  });
});

describe('refused patterns', () => {
  it.each([
    ['(a+)+', REPEATED_GROUP],
    ['(a*)*b', REPEATED_GROUP],
    ['(?:a+){2,}', REPEATED_GROUP],
    ['((a))*', REPEATED_GROUP],
    ['(a|a)*', REPEATED_GROUP],
    ['(a|ab)*', REPEATED_GROUP],
    ['(.|\\s)+x', REPEATED_GROUP],
    ['(x+x+)+y', REPEATED_GROUP],
    ['\\d+\\d+', TOUCHING_REPEATS],
    ['.*.*x', TOUCHING_REPEATS],
    ['\\w*\\d*x', TOUCHING_REPEATS],
    ['.*?.*?x', TOUCHING_REPEATS],
    ['(\\d+)(\\d+)', TOUCHING_REPEATS],
    ['(\\d+|x)\\d*', TOUCHING_REPEATS],
    ['\\d+a?\\d+', TOUCHING_REPEATS],
    ['\\d+(a|b*)?\\d+', TOUCHING_REPEATS],
    ['\\d+\\b\\d+', TOUCHING_REPEATS],
    ['\\s+[^a]+', TOUCHING_REPEATS],
    ['.*a.*b', SHARED_TEXT],
    ['\\w+\\d\\w+!', SHARED_TEXT],
    ['.*,.*,.*,.*;', SHARED_TEXT],
    ['\\d{1,500}\\d{1,500}x', SHARED_TEXT],
    ['a?'.repeat(30) + 'a'.repeat(30), SHARED_TEXT],
    ['(a|a)'.repeat(30) + 'b', SHARED_TEXT],
    ['(a|ab?)'.repeat(20) + 'c', SHARED_TEXT],
    ['(a?|b?|c?)'.repeat(15) + '!', SHARED_TEXT],
    ['.*' + 'a'.repeat(150), SHARED_TEXT],
    ['(a)\\1', 'backreferences'],
    ['a(?=b)', 'lookaheads'],
    ['a(?!b)', 'lookaheads'],
    ['(?<=a)b', 'lookbehinds'],
    ['(?<!a)b', 'lookbehinds'],
    ['(?<name>a)', 'named groups'],
    ['\\p{L}+', 'the escape \\p'],
    ['[\\u0041-Z]', 'the escape \\u'],
    ['\\x41', 'the escape \\x'],
  ])('%s', (pattern, reason) => {
    const detail = refusalOf(pattern);
    expect(detail).toContain('might not run in linear time');
    expect(detail).toContain(reason);
  });

  it.each(['[', '(', ')', '*', 'a**', 'x{2,1}', '[b-a]', '\\', '\\1', ']'])('%s is none at all', (pattern) => {
    expect(refusalOf(pattern)).toContain('This is not a regular expression');
  });
});

describe('the dearest accepted patterns', () => {
  const lines = ['a', 'ab', 'a1', '1', 'a ', ' ', 'a"'].map((unit) =>
    unit.repeat(MATCHED_LINE_CHARS).slice(0, MATCHED_LINE_CHARS),
  );

  it.each([
    '.*' + 'a'.repeat(35) + '!',
    '\\w+\\w{0,15}!',
    '[^b]([ab]+?\\d| +? {0,10})?!',
    '(a?|b)(a|b?)(a|b)!',
    'a?'.repeat(8) + '!',
    '\\w+\\s+\\w+\\s+\\w+!',
  ])('%s comes to an end with any line', (pattern) => {
    const matches = createMatcher(pattern, true);
    // One that is not linear takes hours.
    expect(lines.filter(matches)).toEqual([]);
  });
});
