import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { inspect } from 'node:util';
import { SmallMap } from '../../src/session/small-map.js';

const step = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key: fc.constantFrom('', 'a', 'b', 'c'), value: fc.integer() }),
  fc.record({ do: fc.constant('delete' as const), key: fc.constantFrom('', 'a', 'b', 'c') }),
);

describe('SmallMap', () => {
  it('holds what a Map holds, in the same order, whatever is put there and taken away', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const small = new SmallMap<number>();
        const map = new Map<string, number>();
        for (const each of steps) {
          if (each.do === 'set') {
            small.set(each.key, each.value);
            map.set(each.key, each.value);
          } else {
            small.delete(each.key);
            map.delete(each.key);
          }
          expect([...small]).toEqual([...map]);
          expect([...small.entries()]).toEqual([...map.entries()]);
          expect([...small.keys()]).toEqual([...map.keys()]);
          expect([...small.values()]).toEqual([...map.values()]);
          expect(small.size).toBe(map.size);
          for (const key of ['', 'a', 'b', 'c', 'd']) {
            expect(small.get(key)).toBe(map.get(key));
            expect(small.has(key)).toBe(map.has(key));
          }
          expect(inspect(small)).toBe(inspect(map));
          const seen: unknown[] = [];
          small.forEach((value, key, self) => seen.push([key, value, self === small]));
          expect(seen).toEqual([...map].map(([key, value]) => [key, value, true]));
        }
      }),
    );
  });

  it('is a live view, also while it is gone through', () => {
    for (const map of [new Map<string, number>(), new SmallMap<number>()]) {
      map.set('first', 1);
      const seen: string[] = [];
      for (const [key] of map) {
        seen.push(key);
        if (key === 'first') map.set('second', 2);
        if (key === 'second') {
          map.delete('second');
          map.set('third', 3);
        }
      }
      expect(seen).toEqual(['first', 'second', 'third']);
      const replaced: string[] = [];
      map.delete('first');
      for (const [key] of map) {
        replaced.push(key);
        map.delete(key);
        if (replaced.length < 3) map.set(`${key}+`, 4);
      }
      expect(replaced).toEqual(['third', 'third+', 'third++']);
    }
  });

  it('that is empty has nothing, whatever is asked', () => {
    expect(new SmallMap<number>().has(undefined as never)).toBe(false);
  });

  it('is sent as a Map is, and gives forEach() its `this`', () => {
    const small = new SmallMap<number>();
    small.set('', 1);
    expect(JSON.stringify(small)).toBe(JSON.stringify(new Map([['', 1]])));
    const self = {};
    small.forEach(function (this: unknown) {
      expect(this).toBe(self);
    }, self);
    expect.assertions(2);
  });
});
