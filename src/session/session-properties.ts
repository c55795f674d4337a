import { checkFunction } from '../check-arguments.js';
import { SessionEndedError, type SessionEndReason } from '../errors.js';

/**
 * The types of properties by their key. Applications add to it by declaration merging; other keys are `unknown`.
 * @example
 * ```ts
 * declare module 'nestjs-active-session' {
 *   interface SessionPropertyMap {
 *     theme: 'light' | 'dark';
 *   }
 * }
 * ```
 */
// Empty, so that applications can merge their keys into it.
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- see above
export interface SessionPropertyMap {}

/** A key whose type the application has declared. */
type DeclaredKey = Extract<keyof SessionPropertyMap, string>;
/** Any other: a declared one must have its type. */
type OtherKey<K extends string> = K extends DeclaredKey ? never : K;

/** Values of a session, or group, by key. After the end they can be read, and not be changed any more. */
export class SessionProperties implements Iterable<[string, unknown]> {
  private readonly values = new Map<string, unknown>();

  /** @param endReason tells whether, and why, the owner has ended */
  constructor(private readonly endReason: () => SessionEndReason | undefined) {}

  get size(): number {
    return this.values.size;
  }

  get<K extends DeclaredKey>(key: K): SessionPropertyMap[K] | undefined;
  get(key: string): unknown;
  get(key: string): unknown {
    return this.values.get(key);
  }

  has(key: string): boolean {
    return this.values.has(key);
  }

  /** @throws SessionEndedError after the end, as all that changes something does */
  set<K extends DeclaredKey>(key: K, value: SessionPropertyMap[K]): this;
  set<K extends string>(key: OtherKey<K>, value: unknown): this;
  set(key: string, value: unknown): this {
    this.assertWritable();
    this.values.set(key, value);
    return this;
  }

  /** @returns whether there was such a property */
  delete(key: string): boolean {
    this.assertWritable();
    return this.values.delete(key);
  }

  /**
   * The value, made by `make` where there is none yet. Code that runs meanwhile sees all of it or nothing.
   * @throws what `make` throws; then there is no value still; BadArgumentError where it is no function
   */
  getOrAdd<K extends DeclaredKey>(key: K, make: () => SessionPropertyMap[K]): SessionPropertyMap[K];
  getOrAdd<K extends string>(key: OtherKey<K>, make: () => unknown): unknown;
  getOrAdd(key: string, make: () => unknown): unknown {
    checkFunction('what makes a property', make);
    if (this.values.has(key)) return this.values.get(key);
    this.assertWritable();
    const value = make();
    // `make` may have ended the session.
    this.set(key, value);
    return value;
  }

  /**
   * Puts what `change` makes of the value in its place, and returns it. `change` is synchronous, so nothing comes between.
   * @throws what `change` throws; then the value stays as it was; BadArgumentError where it is no function
   */
  update<K extends DeclaredKey>(
    key: K,
    change: (value: SessionPropertyMap[K] | undefined) => SessionPropertyMap[K],
  ): SessionPropertyMap[K];
  update<K extends string>(key: OtherKey<K>, change: (value: unknown) => unknown): unknown;
  update(key: string, change: (value: unknown) => unknown): unknown {
    checkFunction('what changes a property', change);
    this.assertWritable();
    const value = change(this.get(key));
    this.set(key, value);
    return value;
  }

  keys(): IterableIterator<string> {
    return this.values.keys();
  }

  [Symbol.iterator](): IterableIterator<[string, unknown]> {
    return this.values.entries();
  }

  private assertWritable(): void {
    const reason = this.endReason();
    if (reason !== undefined) throw new SessionEndedError(reason);
  }
}
