import { inspect } from 'node:util';
import type { FactoryProvider } from '@nestjs/common';
import { ScopeMisuseError } from '../errors.js';
import { checkScopedOptions } from './scoped-options.js';
import { isToken, nameOfToken } from './injection-metadata.js';
import { isScopeHost, ScopeHost } from './scope-host.js';
import type { ScopeLevel } from './scope.js';
import { ScopedFactoryProvider, type ScopedFactoryOptions } from './providers/scoped-factory-provider.js';
import { markScoped } from './scoped-mark.js';

const FACTORY_OPTIONS: readonly (keyof ScopedFactoryOptions)[] = [
  'provide',
  'useFactory',
  'inject',
  'dispose',
  'callable',
];

/**
 * A provider whose factory is called once for each active session, at first use, like {@link SessionScoped} for classes.
 * An `async` factory is awaited before the handler runs. What a factory makes must be an object (or a function, with
 * `callable`), and ends with its session: by `dispose`, else by its own hooks.
 * @throws ScopeMisuseError for what is no such definition
 * @example
 * ```ts
 * providers: [
 *   sessionScoped({
 *     provide: SearchIndex,
 *     inject: [Corpus, Preferences],
 *     useFactory: async (corpus: Corpus, preferences: Preferences) => corpus.indexFor(preferences.language),
 *     dispose: (index) => index.close(),
 *   }),
 * ]
 * ```
 */
export function sessionScoped<T>(options: ScopedFactoryOptions<T>): FactoryProvider {
  return scopedFactory('session', 'sessionScoped()', options);
}

/** Like {@link sessionScoped}, but all active sessions of one user session share what is made. */
export function groupScoped<T>(options: ScopedFactoryOptions<T>): FactoryProvider {
  return scopedFactory('group', 'groupScoped()', options);
}

function scopedFactory<T>(level: ScopeLevel, helper: string, options: ScopedFactoryOptions<T>): FactoryProvider {
  const factory = checked(helper, options);
  const useFactory = (...args: unknown[]): unknown => {
    const host = args.at(-1);
    const own = args.slice(0, -1);
    // As with classes: with a mock in place of the module it is the plain factory.
    if (!isScopeHost(host)) return factory.useFactory(...own);
    host.refuseRequestScope(useFactory);
    return new ScopedFactoryProvider(level, factory, useFactory, own, host).client;
  };
  markScoped(useFactory, { level, by: helper });
  return {
    provide: factory.provide,
    useFactory,
    inject: [...(factory.inject ?? []), ScopeHost] as FactoryProvider['inject'],
  };
}

function checked<T>(helper: string, options: ScopedFactoryOptions<T>): ScopedFactoryOptions {
  const { provide, useFactory, inject, dispose, callable } =
    (options as Partial<ScopedFactoryOptions<T>> | null | undefined) ?? {};
  const where = `${helper} of ${nameOfToken(provide)}`;
  checkScopedOptions(where, options, FACTORY_OPTIONS);
  if (!isToken(provide))
    throw new ScopeMisuseError(
      `${helper}: expected "provide" to be a class, a string or a symbol, got ${inspect(provide)}`,
    );
  if (typeof useFactory !== 'function')
    throw new ScopeMisuseError(`${where}: expected "useFactory" to be a function, got ${inspect(useFactory)}`);
  if (inject !== undefined && !Array.isArray(inject))
    throw new ScopeMisuseError(`${where}: expected "inject" to be a list of tokens, got ${inspect(inject)}`);
  if (dispose !== undefined && typeof dispose !== 'function')
    throw new ScopeMisuseError(`${where}: expected "dispose" to be a function, got ${inspect(dispose)}`);
  if (callable !== undefined && typeof callable !== 'boolean')
    throw new ScopeMisuseError(`${where}: expected "callable" to be true or false, got ${inspect(callable)}`);
  return Object.freeze({ ...options }) as ScopedFactoryOptions;
}
