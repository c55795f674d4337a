import { isObject } from './is-object.js';
import type { ScopeLevel } from './scope.js';

const SCOPED = Symbol('nestjs-active-session.scoped');

/** That something is scoped, and by which decorator or helper. */
export interface ScopedMark {
  readonly level: ScopeLevel;
  readonly by: string;
}

/** Notes on a class, or a factory, that it is scoped. */
export function markScoped(target: object, mark: ScopedMark): void {
  Reflect.defineMetadata(SCOPED, mark, target);
}

/** The mark of a scoped class or factory, not of one that inherits from it. */
export function scopedMarkOf(target: unknown): ScopedMark | undefined {
  return isObject(target) ? (Reflect.getOwnMetadata(SCOPED, target) as ScopedMark | undefined) : undefined;
}

/** The scoped class that a class inherits from, without being scoped itself. */
export function scopedParentOf(type: unknown): object | undefined {
  if (!isObject(type) || scopedMarkOf(type) !== undefined) return undefined;
  let parent: unknown = Object.getPrototypeOf(type);
  while (isObject(parent) && scopedMarkOf(parent) === undefined) parent = Object.getPrototypeOf(parent);
  return isObject(parent) ? parent : undefined;
}
