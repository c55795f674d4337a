import { ScopeMisuseError } from '../errors.js';
import { checkScopedOptions, type ScopedOptions } from './scoped-options.js';
import type { ScopeLevel } from './scope.js';
import { makeScopedClass } from './scoped-class.js';
import type { ScopedClass } from './providers/scoped-class-provider.js';

/**
 * Each active session gets its own instance of the decorated class. It is made at first use, injected like any other
 * provider (also into singletons), and ended with its session: see {@link OnSessionEnd}. Put the decorator nearest the
 * class when there are others.
 *
 * In unit tests `new Cart(fakeDb)` is the plain class.
 *
 * @throws ScopeMisuseError when the class is scoped already, has a scope of Nest's own, or its parameters' types are not known
 * @example
 * ```ts
 * @SessionScoped()
 * export class Cart {
 *   constructor(private readonly prices: PriceList) {}
 * }
 * ```
 */
export function SessionScoped(options: ScopedOptions = {}): ClassDecorator {
  return scoped('session', '@SessionScoped()', options);
}

/**
 * Like {@link SessionScoped}, but all active sessions of one user session share the instance. It may depend on
 * singletons and on other group-scoped classes.
 */
export function GroupScoped(options: ScopedOptions = {}): ClassDecorator {
  return scoped('group', '@GroupScoped()', options);
}

function scoped(level: ScopeLevel, decorator: string, options: ScopedOptions): ClassDecorator {
  return ((target: ScopedClass, context?: unknown) => {
    if (typeof context === 'object' && context !== null && 'kind' in context)
      throw new ScopeMisuseError(
        `${decorator} on ${target.name}: standard decorators are not supported. Turn on "experimentalDecorators", as Nest asks for.`,
      );
    checkScopedOptions(`${decorator} on ${target.name}`, options);
    return makeScopedClass(target, level, decorator, Object.freeze({ ...options }));
  }) as unknown as ClassDecorator;
}
