import { INQUIRER } from '@nestjs/core';
import { dependenciesOf, withoutAlias, type NestProvider } from '../../nest-internals.js';
import { injectedParameters } from '../injection-metadata.js';
import { isAsyncFunction, whenSettled } from './pending.js';
import { make, type Consumer, type Dependency, type Recipe } from './recipe.js';
import type { Scope } from '../scope.js';
import { providerOf, type ScopedProvider } from './scoped-provider.js';

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
    const tokens = this.isFactory ? (inject ?? []) : injectedParameters(metatype as Class);
    this.recipe = {
      parameters: tokens.map((token, i) => {
        if (token === INQUIRER) return 'inquirer';
        return dependencyOn(found.find(({ place }) => place === i)?.provider, below);
      }),
      properties: found.flatMap(({ place, provider }) =>
        typeof place === 'number' ? [] : [{ key: place.property, dependency: dependencyOn(provider, below) }],
      ),
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
  scopedDependencies(): ScopedProvider[] {
    return scopedAmong(allBeneath([{ transient: this }]));
  }

  /** @returns pending where something must be awaited */
  makeFor(consumer: Consumer, scope: Scope): unknown {
    const self = { ...consumer, label: `${consumer.label} -> ${this.label}`, standIn: this.standIn };
    return make(this.recipe, this, self, scope, consumer.standIn);
  }

  /** Nest, too, shows whoever wants something as an object that is not constructed yet. */
  private get standIn(): unknown {
    if (this.isFactory) return undefined;
    return Object.create((this.nestProvider.metatype as Class).prototype as object) as object;
  }
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

export function scopedAmong(dependencies: readonly Dependency[]): ScopedProvider[] {
  return dependencies.flatMap((dependency) => {
    const provider = typeof dependency === 'object' && 'value' in dependency ? providerOf(dependency.value) : undefined;
    return provider ?? [];
  });
}
