import { inspect } from 'node:util';
import { ScopeMisuseError } from '../errors.js';
import { isClass } from './injection-metadata.js';
import { checkScopedOptions, type ScopedOptions } from './scoped-options.js';
import type { ScopeLevel } from './scope.js';
import { makeScopedClass } from './scoped-class.js';
import type { ScopedClass } from './providers/scoped-class-provider.js';

/**
 * Each active session gets its own instance of the decorated class. It is injected like any other provider, also into
 * singletons, made at first use, or before the handler of a request where it must be awaited, and ended with its session: see
 * {@link OnSessionEnd}. Put the decorator nearest the class when there are others.
 *
 * In unit tests `new Cart(fakeDb)` is the plain class.
 *
 * @param options what a request without a session gets, and whether it is made before the handler
 * @throws ScopeMisuseError when the class is scoped already, is a controller, or has a scope of Nest's own, when its
 * parameters' types are not known, for an unknown option, and where standard decorators are in use
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
    if (!isClass(target)) throw new ScopeMisuseError(`${decorator} is for classes, got ${inspect(target)}`);
    if (typeof context === 'object' && context !== null && 'kind' in context)
      throw new ScopeMisuseError(
        `${decorator} on ${target.name}: standard decorators are not supported. Turn on "experimentalDecorators", as Nest asks for.`,
      );
    checkScopedOptions(`${decorator} on ${target.name}`, options);
    return makeScopedClass(target, level, decorator, Object.freeze({ ...options }));
  }) as unknown as ClassDecorator;
}
