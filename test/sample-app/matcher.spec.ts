import { describe, expect, it } from '@jest/globals';
import { MATCHED_LINE_CHARS } from '../../sample-app/files/linear-regex.js';
import { createMatcher } from '../../sample-app/files/matcher.js';

describe('createMatcher', () => {
  it('takes plain text literally', () => {
    const matches = createMatcher('a.c(', false);
    expect(matches('xa.c(x')).toBe(true);
    expect(matches('abc(')).toBe(false);
  });

  it('tells upper and lower case apart', () => {
    expect(createMatcher('Todo', false)('todo')).toBe(false);
    expect(createMatcher('Todo', true)('todo')).toBe(false);
  });

  it('takes a regular expression as one, with whole characters', () => {
    expect(createMatcher('^a.c$', true)('a\u{1f600}c')).toBe(true);
    expect(createMatcher('^a.c$', true)('abcd')).toBe(false);
  });

  it('gives the same answer every time', () => {
    const matches = createMatcher('a', true);
    expect([matches('a'), matches('a'), matches('b'), matches('a')]).toEqual([true, true, false, true]);
  });

  it('finds plain text anywhere in a line, a regular expression in the start of a very long one', () => {
    const line = `${'x'.repeat(MATCHED_LINE_CHARS)}end`;
    expect(createMatcher('end', false)(line)).toBe(true);
    expect(createMatcher('end', true)(line)).toBe(false);
  });
});
