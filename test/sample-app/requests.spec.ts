import { describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { createValidationPipe } from '../../sample-app/http/validation.pipe.js';
import { ReadQuery } from '../../sample-app/search/read-query.js';
import { SearchRequest } from '../../sample-app/search/search-request.js';
import { detailOfRejection } from './detail-of.js';

const pipe = createValidationPipe();
const body = <T>(metatype: Type<T>, value: unknown) => pipe.transform(value, { type: 'body', metatype }) as Promise<T>;
const query = <T>(metatype: Type<T>, value: unknown) =>
  pipe.transform(value, { type: 'query', metatype }) as Promise<T>;

describe('A search request', () => {
  it('fills in what may be left out', async () => {
    const plain = { text: 'x', regex: false, folder: '', source: 'asynchronous' };
    expect(await body(SearchRequest, { text: 'x' })).toEqual(plain);
    const full = { text: 'x', regex: true, folder: 'a/b', source: 'synchronous', dedupeKey: 'k' };
    expect(await body(SearchRequest, full)).toEqual(full);
  });

  it('takes nothing from a prototype', async () => {
    const polluted: unknown = JSON.parse('{ "text": "x", "__proto__": { "regex": true } }');
    expect((await body(SearchRequest, polluted)).regex).toBe(false);
    expect(Object.hasOwn(Object.prototype, 'regex')).toBe(false);
  });

  it('accepts what is just short enough', async () => {
    const longest = { text: 'x'.repeat(200), dedupeKey: 'k'.repeat(100) };
    const { text, dedupeKey } = await body(SearchRequest, longest);
    expect([text.length, dedupeKey?.length]).toEqual([200, 100]);
  });

  it.each([
    [undefined, 'text'],
    [null, 'text'],
    ['text', 'text'],
    [[], 'text'],
    [[{ text: 'x' }], 'property 0'],
    [{}, 'text'],
    [{ text: '' }, 'text'],
    [{ text: 7 }, 'text'],
    [{ text: 'x'.repeat(201) }, 'text'],
    [{ text: 'x', regex: 'yes' }, 'regex'],
    [{ text: 'x', regex: null }, 'regex'],
    [{ text: 'x', folder: 7 }, 'folder'],
    [{ text: 'x', folder: 'x'.repeat(1_001) }, 'folder'],
    [{ text: 'x', source: 'both' }, 'source'],
    [{ text: 'x', source: '' }, 'source'],
    [{ text: 'x', source: null }, 'source'],
    [{ text: 'x', source: 7 }, 'source'],
    [{ text: 'x', source: ['synchronous'] }, 'source'],
    [{ text: 'x', dedupeKey: 7 }, 'dedupeKey'],
    [{ text: 'x', dedupeKey: 'k'.repeat(101) }, 'dedupeKey'],
    [{ text: 'x', txet: 'y' }, 'txet'],
  ])('refuses %j', async (value, named) => {
    expect(await detailOfRejection(body(SearchRequest, value))).toContain(named);
  });
});

describe('The query of a read', () => {
  it('needs nothing but the position', async () => {
    expect(await query(ReadQuery, { from: '0' })).toEqual({ from: 0 });
    const full = { from: '12', max: '1000', wait: '0.25' };
    expect(await query(ReadQuery, full)).toEqual({ from: 12, max: 1_000, wait: 0.25 });
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
    [{ from: '0', form: '1' }, 'form'],
    [{ from: ['1', '2'] }, 'from'],
    [{ from: '0', max: '0' }, 'max'],
    [{ from: '0', max: '1001' }, 'max'],
    [{ from: '0', max: '' }, 'max'],
    [{ from: '0', wait: '30.1' }, 'wait'],
    [{ from: '0', wait: '-1' }, 'wait'],
    [{ from: '0', wait: 'Infinity' }, 'wait'],
    [{ from: '0', wait: '' }, 'wait'],
  ])('refuses %j', async (value, named) => {
    expect(await detailOfRejection(query(ReadQuery, value))).toContain(named);
  });
});
