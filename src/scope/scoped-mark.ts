import type { ScopeLevel } from './scope.js';

const SCOPED = Symbol('nestjs-active-session.scoped');

/** Notes on a class, or a factory, that it is scoped. */
export function markScoped(target: object, level: ScopeLevel): void {
  Reflect.defineMetadata(SCOPED, level, target);
}

/** The level of a scoped class or factory, not of one that inherits from it. */
export function scopedLevelOf(target: unknown): ScopeLevel | undefined {
  return isMarkable(target) ? (Reflect.getOwnMetadata(SCOPED, target) as ScopeLevel | undefined) : undefined;
}

/** The scoped class that a class inherits from, without being scoped itself. */
export function scopedParentOf(type: unknown): object | undefined {
  if (!isMarkable(type) || scopedLevelOf(type) !== undefined) return undefined;
  let parent: unknown = Object.getPrototypeOf(type);
  while (isMarkable(parent) && scopedLevelOf(parent) === undefined) parent = Object.getPrototypeOf(parent);
  return isMarkable(parent) ? parent : undefined;
}

function isMarkable(target: unknown): target is object {
  return typeof target === 'function' || (typeof target === 'object' && target !== null);
}
