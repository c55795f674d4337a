import { describe, expect, it, jest } from '@jest/globals';
import { atMost } from '../../sample-app/search/search-source.js';

async function collect(rows: AsyncIterable<number>): Promise<{ seen: number[]; error: unknown }> {
  const seen: number[] = [];
  try {
    for await (const row of rows) seen.push(row);
    return { seen, error: undefined };
  } catch (error) {
    return { seen, error };
  }
}

describe('atMost', () => {
  async function* upTo(count: number, onEnd: () => void = () => undefined): AsyncGenerator<number> {
    try {
      for (let row = 1; row <= count; row += 1) yield row;
    } finally {
      onEnd();
    }
  }

  it('passes on what is within the limit', async () => {
    expect(await collect(atMost(3, upTo(3)))).toEqual({ seen: [1, 2, 3], error: undefined });
  });

  it('fails with the row behind the limit, and closes its source', async () => {
    const closed = jest.fn();
    const { seen, error } = await collect(atMost(3, upTo(4, closed)));
    expect(seen).toEqual([1, 2, 3]);
    expect(error).toMatchObject({ message: 'More than 3 lines match. Search for something rarer.' });
    expect(closed).toHaveBeenCalledTimes(1);
  });
});
