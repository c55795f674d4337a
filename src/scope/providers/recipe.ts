import { ScopeMisuseError } from '../../errors.js';
import type { NestProvider } from '../../nest-internals.js';
import { whenMade, whenSettled } from './pending.js';
import type { Maker } from '../created.js';
import type { Scope, ScopeLevel } from '../scope.js';
import { providerOf, type ScopedProvider } from './scoped-provider.js';
import type { Transient } from './transient.js';

/** Who gets something injected. */
export interface Consumer {
  readonly level: ScopeLevel;
  /** How messages name it: a path from the scoped provider down to it. */
  readonly label: string;
  /** What stands for it where a transient provider asks who wants it. */
  readonly standIn: unknown;
  /** Has what is made for it end with it. */
  readonly keep: (maker: Maker, instance: object) => void;
}

/** One parameter or property: what Nest has resolved for it, or how it is made anew each time. */
export type Dependency = { readonly value: unknown } | { readonly transient: Transient } | 'inquirer';

/** How one object is made. */
export interface Recipe {
  readonly parameters: readonly Dependency[];
  readonly properties: readonly { readonly key: PropertyKey; readonly dependency: Dependency }[];
  /** Calls the constructor, or the factory. */
  readonly create: (args: readonly unknown[]) => unknown;
}

/**
 * Makes an object in a scope; pending where something must be awaited. What a factory was given, and only hands on, is
 * not its own: it is neither initialised here, nor kept, unless the factory says how to dispose of it.
 * @param maker what ends the object with the scope
 * @param consumer the object itself, as who gets something injected
 * @param inquirer what it gets where it asks who wants it (INQUIRER)
 */
export function make(recipe: Recipe, maker: Maker, consumer: Consumer, scope: Scope, inquirer?: unknown): unknown {
  const { parameters, properties, create } = recipe;
  const injected = injectionFor(consumer, scope, inquirer);
  const values = [...parameters, ...properties.map(({ dependency }) => dependency)].map(injected);
  return whenMade(values, (made) =>
    whenMade([create(made.slice(0, parameters.length))], ([instance]) => {
      properties.forEach(({ key }, i) => Reflect.set(instance as object, key, made[parameters.length + i]));
      const isOwn = isObject(instance) && !made.includes(instance);
      return whenSettled(isOwn ? initialize(instance) : undefined, () => {
        if (isObject(instance) && (isOwn || maker.dispose !== undefined)) consumer.keep(maker, instance);
        return instance;
      });
    }),
  );
}

/** As Nest does it for its own providers. A transient factory may make anything. */
function initialize(made: unknown): unknown {
  // Asked for with `in`: an object may be strict about what is read of it.
  const isInitialized = isObject(made) && 'onModuleInit' in made && typeof made.onModuleInit === 'function';
  return isInitialized ? (made as { onModuleInit(): unknown }).onModuleInit() : undefined;
}

/** Answers what is injected for a dependency. */
function injectionFor(consumer: Consumer, scope: Scope, inquirer: unknown): (dependency: Dependency) => unknown {
  const made = new Map<NestProvider, unknown>();
  return (dependency) => {
    if (dependency === 'inquirer') return inquirer;
    if ('value' in dependency) return ownOf(consumer, dependency.value, scope);
    const { transient } = dependency;
    // As in Nest one consumer gets one object, however often it asks for the same transient provider.
    if (!made.has(transient.nestProvider)) made.set(transient.nestProvider, transient.makeFor(consumer, scope));
    return made.get(transient.nestProvider);
  };
}

/** A client becomes what the scope has of it; all else stays as it is. */
function ownOf({ level, label }: Consumer, value: unknown, scope: Scope): unknown {
  const provider = providerOf(value);
  if (provider === undefined) return value;
  if (level === 'group' && provider.level === 'session') throw sessionBeneathGroup(label, provider);
  return provider.resolveFor(scope);
}

/** @param path from the group-scoped provider down to what wants the session-scoped one */
export function sessionBeneathGroup(path: string, provider: ScopedProvider): ScopeMisuseError {
  const group = path.split(' -> ')[0] ?? path;
  return new ScopeMisuseError(
    `${path} -> (session-scoped) ${provider.label}: a group has several sessions. ` +
      `Make ${group} session-scoped, or ${provider.groupAlternative}.`,
  );
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' ? value !== null : typeof value === 'function';
}
