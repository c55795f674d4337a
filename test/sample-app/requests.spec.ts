import { describe, expect, it } from '@jest/globals';
import { parseReadQuery } from '../../sample-app/search/read-query.js';
import { parseSearchRequest } from '../../sample-app/search/search-request.js';
import { detailOf } from './detail-of.js';

describe('parseSearchRequest', () => {
  it('fills in what may be left out', () => {
    const plain = { text: 'x', regex: false, folder: '', dedupeKey: undefined };
    expect(parseSearchRequest({ text: 'x' })).toEqual(plain);
    const full = { text: 'x', regex: true, folder: 'a/b', dedupeKey: 'k' };
    expect(parseSearchRequest(full)).toEqual(full);
  });

  it('accepts what is just short enough', () => {
    const { text, dedupeKey } = parseSearchRequest({ text: 'x'.repeat(200), dedupeKey: 'k'.repeat(100) });
    expect([text.length, dedupeKey?.length]).toEqual([200, 100]);
  });

  it.each([
    [undefined, 'JSON object'],
    [null, 'JSON object'],
    ['text', 'JSON object'],
    [[], 'JSON object'],
    [{}, 'text'],
    [{ text: '' }, 'text'],
    [{ text: 7 }, 'text'],
    [{ text: 'x'.repeat(201) }, 'text'],
    [{ text: 'x', regex: 'yes' }, 'regex'],
    [{ text: 'x', regex: null }, 'regex'],
    [{ text: 'x', folder: 7 }, 'folder'],
    [{ text: 'x', folder: 'x'.repeat(1_001) }, 'folder'],
    [{ text: 'x', dedupeKey: 7 }, 'dedupeKey'],
    [{ text: 'x', dedupeKey: 'k'.repeat(101) }, 'dedupeKey'],
    [{ text: 'x', txet: 'y' }, 'txet'],
    [JSON.parse('{ "text": "x", "__proto__": {} }'), '__proto__'],
  ])('refuses %j', (body, named) => {
    expect(detailOf(() => parseSearchRequest(body))).toContain(named);
  });
});

describe('parseReadQuery', () => {
  it('has a default for all but the position', () => {
    expect(parseReadQuery({ from: '0' }, 100)).toEqual({ from: 0, max: 100, waitMs: 0 });
    expect(parseReadQuery({ from: '12', max: '1000', wait: '0.25' }, 100)).toEqual({
      from: 12,
      max: 1_000,
      waitMs: 250,
    });
    expect(parseReadQuery({ from: '12', max: '1', wait: '30' }, 100)).toEqual({ from: 12, max: 1, waitMs: 30_000 });
  });

  it.each([
    [{}, 'from'],
    [{ from: '' }, 'from'],
    [{ from: '-1' }, 'from'],
    [{ from: '1.5' }, 'from'],
    [{ from: '1e3' }, 'from'],
    [{ from: ' 1' }, 'from'],
    [{ from: '0x1' }, 'from'],
    [{ from: '9'.repeat(16) }, 'from'],
    [{ from: ['1', '2'] }, 'from'],
    [{ from: '0', max: '0' }, 'max'],
    [{ from: '0', max: '1001' }, 'max'],
    [{ from: '0', max: '' }, 'max'],
    [{ from: '0', wait: '30.1' }, 'wait'],
    [{ from: '0', wait: '-1' }, 'wait'],
    [{ from: '0', wait: 'Infinity' }, 'wait'],
    [{ from: '0', wait: '' }, 'wait'],
  ])('refuses %j', (query, named) => {
    expect(detailOf(() => parseReadQuery(query, 100))).toContain(`"${named}"`);
  });
});
