import { describe, expect, it, jest } from '@jest/globals';
import type { LocalSession, SessionProperties } from 'nestjs-active-session';
import { useSessionApps } from '../support/session-app.js';

declare module 'nestjs-active-session' {
  interface SessionPropertyMap {
    visits: number;
    theme: 'light' | 'dark';
  }
}

const { start } = useSessionApps();

describe.each<['session' | 'group']>([['session'], ['group']])('Properties of a %s', (level) => {
  async function ownerAndProperties(): Promise<{ owner: LocalSession; properties: SessionProperties }> {
    const { session } = await (await start()).user();
    const owner = level === 'session' ? session : session.group;
    return { owner, properties: owner.properties };
  }

  it('have the types that the application declares', async () => {
    const { properties } = await ownerAndProperties();
    properties.set('theme', 'dark').set('visits', 1).set('of no type', { any: 'value' });
    const theme: 'light' | 'dark' | undefined = properties.get('theme');
    const visits: number = properties.update('visits', (count = 0) => count + 1);
    const made: number = properties.getOrAdd('visits', () => 7);
    const other: unknown = properties.get('of no type');
    expect([theme, visits, made, other]).toEqual(['dark', 2, 2, { any: 'value' }]);

    // @ts-expect-error -- the declared type does not have this value
    properties.set('theme', 'blue');
    // @ts-expect-error -- nor this one
    properties.update('visits', () => 'many');
    // @ts-expect-error -- what has no declared type is unknown
    const text: string = properties.get('of no type');
    expect(text).toEqual({ any: 'value' });
  });

  it('can be gone through, in the order in which they were set', async () => {
    const { properties } = await ownerAndProperties();
    for (const key of ['b', 'a', 'ä', 'B']) properties.set(key, key.length);
    expect([...properties.keys()]).toEqual(['b', 'a', 'ä', 'B']);
    expect(Object.fromEntries(properties)).toEqual({ b: 1, a: 1, ä: 1, B: 1 });
    expect(properties.size).toBe(4);
  });

  it('know nothing by the names of Object', async () => {
    const { properties } = await ownerAndProperties();
    expect([properties.has('__proto__'), properties.get('constructor'), properties.has('toString')]).toEqual([
      false,
      undefined,
      false,
    ]);
    properties.set('__proto__', 'a value');
    expect([...properties]).toEqual([['__proto__', 'a value']]);
    expect(({} as Record<string, unknown>)['a value']).toBeUndefined();
  });

  it('are not disposed of at the end: they may belong to somebody else', async () => {
    const { owner, properties } = await ownerAndProperties();
    const dispose = jest.fn();
    const value = { [Symbol.dispose]: dispose, dispose };
    properties.set('value', value);
    await owner.terminate();
    expect(dispose).not.toHaveBeenCalled();
    expect(properties.get('value')).toBe(value);
  });

  it('stay as they were where a function fails', async () => {
    const { properties } = await ownerAndProperties();
    properties.set('visits', 1);
    const fail = (): never => {
      throw new Error('it failed');
    };
    expect(() => properties.update('visits', fail)).toThrow('it failed');
    expect(() => properties.getOrAdd('theme', fail)).toThrow('it failed');
    expect([...properties]).toEqual([['visits', 1]]);
    expect(properties.getOrAdd('theme', () => 'dark')).toBe('dark');
  });

  it('hold what is there, be it undefined', async () => {
    const { properties } = await ownerAndProperties();
    properties.set('nothing', undefined);
    expect([properties.has('nothing'), properties.getOrAdd('nothing', () => 'something')]).toEqual([true, undefined]);
  });

  it.each<[string, (properties: SessionProperties, end: () => number) => unknown]>([
    ['update()', (properties, end) => properties.update('visits', end)],
    ['getOrAdd()', (properties, end) => properties.getOrAdd('visits', end)],
  ])('are not written by a function that ends their owner: %s', async (_what, write) => {
    const { owner, properties } = await ownerAndProperties();
    const end = (): number => {
      void owner.terminate();
      return 7;
    };
    expect(() => write(properties, end)).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
    expect(properties.size).toBe(0);
  });
});
