import { inspect } from 'node:util';

/**
 * A map that mostly has one entry: it takes a Map only for the second one, and keeps that. Entries lie in the order in which they were
 * put there. Most users have one active session, and an empty Map takes more memory than all else of that session's
 * place.
 */
export class SmallMap<V> implements ReadonlyMap<string, V> {
  private onlyKey: string | undefined;
  private onlyValue: V | undefined;
  private all: Map<string, V> | undefined;

  get size(): number {
    return this.all?.size ?? (this.onlyKey === undefined ? 0 : 1);
  }

  get(key: string): V | undefined {
    if (this.all !== undefined) return this.all.get(key);
    return key === this.onlyKey ? this.onlyValue : undefined;
  }

  has(key: string): boolean {
    return this.all?.has(key) ?? (this.onlyKey !== undefined && key === this.onlyKey);
  }

  set(key: string, value: V): void {
    if (this.all === undefined && this.onlyKey === undefined) {
      this.onlyKey = key;
      this.onlyValue = value;
      return;
    }
    this.spread().set(key, value);
  }

  delete(key: string): void {
    if (this.all !== undefined) this.all.delete(key);
    else if (key === this.onlyKey) this.onlyKey = this.onlyValue = undefined;
  }

  forEach(fn: (value: V, key: string, map: ReadonlyMap<string, V>) => void, thisArg?: unknown): void {
    for (const [key, value] of this) fn.call(thisArg, value, key, this);
  }

  /** What comes while it is gone through is found, too. */
  *entries(): MapIterator<[string, V]> {
    let seen: string | undefined;
    while (this.all === undefined) {
      const { onlyKey } = this;
      if (onlyKey === undefined || onlyKey === seen) return;
      seen = onlyKey;
      yield [onlyKey, this.onlyValue as V];
    }
    for (const entry of this.all) if (entry[0] !== seen) yield entry;
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  /** Sent like the Map that it stands for: without its entries. */
  toJSON(): object {
    return {};
  }

  /** Printed like it. */
  [inspect.custom](): ReadonlyMap<string, V> {
    return new Map(this);
  }

  private spread(): Map<string, V> {
    if (this.all !== undefined) return this.all;
    this.all = new Map(this.entries());
    this.onlyKey = this.onlyValue = undefined;
    return this.all;
  }
}
