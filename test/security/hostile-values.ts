import fc from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { ActiveSessionError } from 'nestjs-active-session';

/** What hostile objects throw by themselves: theirs, and no fault of whoever looks at them. */
class OwnError extends Error {}

const fail = (): never => {
  throw new OwnError('a hostile object');
};
const TRAPS = Object.fromEntries(Reflect.ownKeys(Reflect).map((trap) => [trap, fail]));

function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** Whoever waits for it waits for ever. */
export const NEVER = { then: () => undefined };

/** Made anew for each attack: some remember. */
const HOSTILE: Record<string, () => unknown> = {
  undefined: () => undefined,
  null: () => null,
  NaN: () => NaN,
  '-0': () => -0,
  Infinity: () => Infinity,
  '-Infinity': () => -Infinity,
  'a fraction': () => 1.5,
  'a negative number': () => -1,
  'a number that is not safe': () => 2 ** 53,
  'a bigint': () => 10n,
  true: () => true,
  'an empty text': () => '',
  'a text of a million characters': () => 'x'.repeat(1_000_000),
  'a text with NUL': () => 'a\0b',
  "'__proto__'": () => '__proto__',
  "'constructor'": () => 'constructor',
  'a symbol': () => Symbol('hostile'),
  'an object': () => ({}),
  'an object without a prototype': () => Object.create(null) as object,
  'a frozen object': () => Object.freeze({}),
  'a cycle': () => {
    const cycle: { self?: object } = {};
    cycle.self = cycle;
    return cycle;
  },
  'an own __proto__': () => JSON.parse('{"__proto__":{"isAdmin":true}}') as object,
  'a list': () => [],
  'a long, empty list': () => new Array(100_000),
  'a list of undefined': () => [undefined],
  'an array-like': () => ({ length: 2 ** 32 }),
  'a date that is none': () => new Date(NaN),
  'a map': () => new Map([['a', 1]]),
  'a RegExp': () => /(a+)+$/,
  'an error': () => new Error('hostile'),
  bytes: () => new Uint8Array(8),
  'a class': () => class Hostile {},
  'an instance of a class': () => new (class Hostile {})(),
  'a function': () => () => 1,
  'a function that throws': () => fail,
  'an async function that rejects': () => () => Promise.reject(new OwnError('a hostile function')),
  'a generator function': () =>
    function* () {
      yield 1;
    },
  'getters that throw': () => new Proxy({}, TRAPS),
  'a function with getters that throw': () => new Proxy(() => 1, TRAPS),
  'a text that throws': () => ({ toString: fail, valueOf: fail, toJSON: fail, [Symbol.toPrimitive]: fail }),
  'an inspection that throws': () => ({ [inspect.custom]: fail }),
  'a revoked proxy': () => revoked({}),
  'a revoked function': () => revoked(() => 1),
  'an iterable that throws': () => ({ [Symbol.iterator]: fail }),
  'an iterable of nothing': () => ({ [Symbol.iterator]: () => undefined }),
  'an async iterable that throws': () => ({ [Symbol.asyncIterator]: () => ({ next: fail, return: fail }) }),
  'an observable that throws': () => ({ subscribe: fail }),
  'a thenable that throws': () => ({ then: fail }),
  'a thenable that never tells': () => NEVER,
  'a thenable that rejects': () => ({
    then: (_resolve: unknown, reject: (error: Error) => void) => reject(new OwnError('a hostile thenable')),
  }),
  'a signal that is none': () => ({ aborted: false, addEventListener: () => undefined }),
};

/** One of each, and what it is. */
export function hostileValues(): [what: string, value: unknown][] {
  return Object.entries(HOSTILE).map(([what, make]) => [what, make()]);
}

/** Nested, sparse, with odd keys. */
const strangeValues = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  key: fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'prototype', 'then', 'toString')),
});

/** Random ones. They are made when they are wanted: fast-check looks at what it gives, and some do not bear that. */
export const anyValues = fc.oneof(
  strangeValues.map((value) => ({ what: 'a strange value', value, make: () => value })),
  fc.constantFrom(...Object.entries(HOSTILE)).map(([what, make]) => ({ what, make })),
);

/** What became of an attack: done; refused, in a form that is promised; ended by the value itself; or what broke. */
export type Outcome = 'done' | 'refused' | 'ended by the value' | { readonly broke: string };

const OF_THE_VALUE = /proxy that has been revoked|cannot be invoked without 'new'/;

/** @param isPromised whether the documentation promises an error that is none of the library's */
export async function outcomeOf(attack: () => unknown, isPromised: (error: Error) => boolean): Promise<Outcome> {
  try {
    const answer = attack();
    if (answer instanceof Promise) await inTime(answer);
    return 'done';
  } catch (error) {
    const thrown = error as Error;
    if (thrown instanceof OwnError || OF_THE_VALUE.test(thrown.message)) return 'ended by the value';
    const isGood = thrown instanceof ActiveSessionError && thrown.message !== '';
    return isGood || isPromised(thrown) ? 'refused' : { broke: thrown.stack ?? String(thrown) };
  }
}

/** Rejects where a promise is still pending after many turns of the event loop. */
async function inTime(promise: Promise<unknown>): Promise<void> {
  let isOver = false;
  const over = (): void => void (isOver = true);
  promise.then(over, over);
  for (let turn = 0; !isOver; turn++) {
    if (turn === 10_000) throw new Error('It hangs');
    await setImmediate();
  }
  await promise;
}
