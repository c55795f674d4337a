import { INQUIRER } from '@nestjs/core';
import { dependenciesOf, withoutAlias, type NestDependency, type NestProvider } from '../../nest-internals.js';
import type { Keeper } from '../created.js';
import { injectionTokensOf } from '../injection-metadata.js';
import { isAsyncFunction, whenSettled } from './pending.js';
import { make, type Consumer, type Dependency, type Recipe } from './recipe.js';
import type { Scope } from '../scope.js';
import type { ScopeHost } from '../scope-host.js';
import { ownProviderOf, type ScopedProvider } from './scoped-provider.js';

type Class = new (...args: unknown[]) => object;
type Factory = (...args: unknown[]) => unknown;

/**
 * A transient provider of Nest beneath a scoped one. Nest makes one object for each consumer, which all sessions would
 * share: so it is made anew for each instance of its consumer, and ends after it.
 */
export class Transient {
  readonly label: string;
  readonly recipe: Recipe;
  private readonly isFactory: boolean;

  constructor(
    readonly nestProvider: NestProvider,
    path: readonly NestProvider[] = [],
  ) {
    const below = [...path, nestProvider];
    const { name, metatype, inject } = nestProvider;
    this.label = String(name);
    this.isFactory = inject !== undefined && inject !== null;
    const found = dependenciesOf(nestProvider);
    const { parameters, properties } = this.isFactory
      ? { parameters: (inject ?? []).map(factoryToken), properties: [] }
      : injectionTokensOf(metatype as Class);
    const dependencyAt = (token: unknown, isHere: (place: NestDependency['place']) => boolean): Dependency =>
      token === INQUIRER ? 'inquirer' : dependencyOn(found.find(({ place }) => isHere(place))?.provider, below);
    this.recipe = {
      parameters: Array.from(parameters, (token, i) => dependencyAt(token, (place) => place === i)),
      properties: properties.flatMap(({ key, type }) => {
        const dependency = dependencyAt(type, (place) => typeof place !== 'number' && place.property === key);
        // Nest leaves a property as it is where something optional was not found.
        return isMissing(dependency) ? [] : [{ key, dependency }];
      }),
      isFactory: this.isFactory,
      create: this.isFactory
        ? (args) => whenSettled((metatype as Factory)(...args), (instance) => instance)
        : (args) => new (metatype as Class)(...args),
    };
  }

  /** Whether it says that it must be awaited. */
  get isAsync(): boolean {
    const { metatype } = this.nestProvider;
    if (this.isFactory) return isAsyncFunction(metatype);
    return isAsyncFunction(((metatype as Class).prototype as { onModuleInit?: unknown }).onModuleInit);
  }

  /** The scoped providers that it gets injected, also by transient ones of its own. */
  scopedDependencies(host: ScopeHost): ScopedProvider[] {
    return scopedAmong(allBeneath([{ transient: this }]), host);
  }

  /** @returns pending where something must be awaited */
  makeFor({ level, label, asInquirer }: Consumer, scope: Scope, keeper: Keeper): unknown {
    const self = { level, label: `${label} -> ${this.label}`, asInquirer: this.asInquirer, inquirer: asInquirer };
    return make(this.recipe, this, self, scope, keeper);
  }

  /** Nest, too, shows whoever wants something as an object that is not constructed yet. */
  private get asInquirer(): unknown {
    if (this.isFactory) return undefined;
    return Object.create((this.nestProvider.metatype as Class).prototype as object) as object;
  }
}

/** Whether a class, or a factory, asks for anything to be injected. */
export function wantsAnything({ metatype, inject }: NestProvider): boolean {
  if (inject !== undefined && inject !== null) return inject.length > 0;
  const { parameters, properties } = injectionTokensOf(metatype as Class);
  return parameters.length + properties.length > 0;
}

/** A factory may ask for `{ token, optional }`. */
function factoryToken(wanted: unknown): unknown {
  const isObject = typeof wanted === 'object' && wanted !== null && 'token' in wanted;
  return isObject ? wanted.token : wanted;
}

function isMissing(dependency: Dependency): boolean {
  return typeof dependency === 'object' && 'value' in dependency && dependency.value === undefined;
}

/** A dependency as Nest has found it: made anew where it is transient, else what Nest has. */
export function dependencyOn(provider: NestProvider | undefined, path: readonly NestProvider[] = []): Dependency {
  if (provider === undefined) return { value: undefined };
  const target = withoutAlias(provider);
  // Where transient providers depend on each other, Nest's own object closes the circle.
  if (target.isTransient !== true || path.includes(target)) return { value: provider.instance };
  return { transient: new Transient(target, path) };
}

/** These dependencies, and those of the transient ones among them. */
export function allBeneath(dependencies: readonly Dependency[]): readonly Dependency[] {
  const all = [...dependencies];
  // What is added while it is gone through is gone through, too.
  for (const dependency of all)
    if (typeof dependency === 'object' && 'transient' in dependency) {
      const { parameters, properties } = dependency.transient.recipe;
      all.push(...parameters, ...properties.map((property) => property.dependency));
    }
  return all;
}

export function scopedAmong(dependencies: readonly Dependency[], host: ScopeHost): ScopedProvider[] {
  return dependencies.flatMap((dependency) => {
    const isValue = typeof dependency === 'object' && 'value' in dependency;
    return (isValue ? ownProviderOf(dependency.value, host) : undefined) ?? [];
  });
}
