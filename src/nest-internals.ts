/**
 * The one file that touches what Nest does not document. All of it is looked for before it is used, so that another
 * version of Nest costs a feature, named in a warning, and not the application.
 */
import type { Type } from '@nestjs/common';
import {
  ContextIdFactory,
  type ContextId,
  type ContextIdStrategy,
  type ModuleRef,
  type ModulesContainer,
} from '@nestjs/core';
import { DiscoverableMetaHostCollection } from '@nestjs/core/discovery/discoverable-meta-host-collection.js';
import { UnknownElementException } from '@nestjs/core/errors/exceptions/unknown-element.exception.js';

interface ModuleLike {
  metatype?: unknown;
  distance?: unknown;
  providers?: ReadonlyMap<unknown, NestProvider>;
  injectables?: ReadonlyMap<unknown, NestProvider>;
  controllers?: ReadonlyMap<unknown, NestProvider>;
  middlewares?: ReadonlyMap<unknown, NestProvider>;
}

/** What Nest keeps of a provider, a controller or an enhancer. */
export interface NestProvider {
  readonly token?: unknown;
  readonly name?: unknown;
  /** The class, or the factory. */
  readonly metatype?: unknown;
  /** What it injects into consumers that are singletons. */
  readonly instance?: unknown;
  /** What a factory wants injected; a class has none. */
  readonly inject?: readonly unknown[] | null;
  readonly isTransient?: boolean;
  readonly isAlias?: boolean;
  readonly durable?: boolean;
  isDependencyTreeStatic?(): boolean;
  isDependencyTreeDurable?(): boolean;
  /** Its instances, by context: see {@link durableInstancesOf}. */
  readonly values?: unknown;
  readonly transientMap?: unknown;
  getCtorMetadata?(): (NestProvider | undefined)[] | undefined;
  getPropertiesMetadata?(): { key: PropertyKey; wrapper?: NestProvider }[] | undefined;
  getEnhancersMetadata?(): NestProvider[] | undefined;
  /** The scope that its definition, or its class, asks for. */
  readonly scope?: unknown;
}

/** A dependency of a provider: of the parameter with this index, or of the property with this key. */
export interface NestDependency {
  readonly place: number | { readonly property: PropertyKey };
  readonly provider: NestProvider;
}

/** Classes decorated by `DiscoveryService.createDecorator()` are found through this link, which a subclass lacks. */
export function copyDiscoveryLink(from: object, to: object): void {
  const links: unknown = (DiscoverableMetaHostCollection as { metaHostLinks?: unknown } | undefined)?.metaHostLinks;
  if (!(links instanceof Map) || !links.has(from)) return;
  links.set(to, links.get(from));
}

/**
 * Makes Nest call the shutdown hooks of a module before those of all others: it sorts modules by their distance from
 * the root. Must run before the first hook.
 * @returns false where this version of Nest has no such number
 */
export function putFirstAtShutdown(modules: ModulesContainer, moduleClass: unknown): boolean {
  const found = modulesOf(modules, moduleClass);
  for (const module of found) {
    if (typeof module.distance !== 'number') return false;
    module.distance = -1;
  }
  return found.length > 0;
}

/** Whether Nest says that there is no provider for a token. */
export function isUnknownElement(error: unknown): boolean {
  return error instanceof UnknownElementException;
}

/** Whether there is a provider for a token. */
export function isProvided(moduleRef: ModuleRef, token: unknown): boolean {
  try {
    moduleRef.introspect(token as Type<unknown>);
    return true;
  } catch (error) {
    if (isUnknownElement(error)) return false;
    throw error;
  }
}

/** How often a module class was imported with different metadata. */
export function countModules(modules: ModulesContainer, moduleClass: unknown): number {
  return modulesOf(modules, moduleClass).length;
}

function modulesOf(modules: ModulesContainer, moduleClass: unknown): ModuleLike[] {
  return [...(modules.values() as Iterable<ModuleLike>)].filter(({ metatype }) => metatype === moduleClass);
}

/** All that Nest makes: providers, enhancers, middleware and controllers of all modules. */
export function* providersOf(modules: ModulesContainer): Iterable<NestProvider> {
  for (const { providers, injectables, middlewares } of modules.values() as Iterable<ModuleLike>) {
    yield* providers?.values() ?? [];
    yield* injectables?.values() ?? [];
    yield* middlewares?.values() ?? [];
  }
  yield* controllersOf(modules);
}

export function* controllersOf(modules: ModulesContainer): Iterable<NestProvider> {
  for (const { controllers } of modules.values() as Iterable<ModuleLike>) yield* controllers?.values() ?? [];
}

/** What Nest has found for the parameters and properties of a provider. */
export function dependenciesOf(provider: NestProvider): NestDependency[] {
  const found: NestDependency[] = [];
  // Optional dependencies that were not found leave gaps.
  provider.getCtorMetadata?.()?.forEach((each, place) => {
    if (each) found.push({ place, provider: each });
  });
  for (const { key, wrapper } of provider.getPropertiesMetadata?.() ?? [])
    if (wrapper) found.push({ place: { property: key }, provider: wrapper });
  return found;
}

/** Whether Nest has looked for the dependencies of a provider: before 11.2 not of a transient one that nobody injects. */
export function areDependenciesKnown(provider: NestProvider): boolean {
  return provider.getCtorMetadata?.() !== undefined || provider.getPropertiesMetadata?.() !== undefined;
}

/** The dependencies of a provider, and the guards, interceptors, pipes and filters of a controller, or gateway. */
export function neededBy(provider: NestProvider): NestProvider[] {
  return [...dependenciesOf(provider).map((each) => each.provider), ...(provider.getEnhancersMetadata?.() ?? [])];
}

/**
 * Whether Nest makes a provider anew for each request. Each dependency is asked, too: Nest before 11.2 remembers an
 * answer from before it knew the properties.
 */
export function isPerRequest(provider: NestProvider): boolean {
  const all = [provider, ...dependenciesOf(provider).map((each) => each.provider)];
  return all.some((each) => each.isDependencyTreeStatic?.() === false);
}

/** From a provider that Nest makes for each request down to what is the reason for that. */
export function pathToRequestScope(provider: NestProvider): NestProvider[] {
  const path: NestProvider[] = [];
  let next: NestProvider | undefined = provider;
  while (next !== undefined) {
    path.push(next);
    next = neededBy(next).find((each) => !path.includes(each) && each.isDependencyTreeStatic?.() === false);
  }
  return path;
}

/** What `useExisting` stands for: Nest before 11.2.1 does not say of the alias itself that it is transient. */
export function withoutAlias(provider: NestProvider): NestProvider {
  const target = provider.isAlias === true ? dependenciesOf(provider)[0]?.provider : undefined;
  return target === undefined ? provider : withoutAlias(target);
}

/** Which strategy Nest asks for the contexts of durable providers, in the whole process. */
export function currentContextIdStrategy(): ContextIdStrategy | undefined {
  return (ContextIdFactory as unknown as { strategy?: ContextIdStrategy }).strategy;
}

/** An instance of a durable provider, or one that Nest is still making: then `over` settles when it is made. */
export interface DurableInstance {
  readonly name: string;
  readonly instance: object | undefined;
  readonly over: Promise<unknown> | undefined;
}

/** What classes Nest has constructed in a context, those that depend on others first. */
export function durableInstancesOf(modules: ModulesContainer, contextId: ContextId): DurableInstance[] {
  const found: DurableInstance[] = [];
  const seen = new Set<NestProvider>();
  const visit = (provider: NestProvider): void => {
    if (seen.has(provider)) return;
    seen.add(provider);
    for (const dependency of dependenciesOf(provider)) visit(dependency.provider);
    // What a factory returns may be anybody's: a connection that a tenant's sessions share.
    const isClass = typeof provider.metatype === 'function' && (provider.inject ?? undefined) === undefined;
    if (isClass && provider.isDependencyTreeDurable?.() === true) found.push(...instancesOf(provider, contextId));
  };
  for (const provider of providersOf(modules)) visit(provider);
  return found.reverse();
}

function instancesOf({ name, values, transientMap }: NestProvider, contextId: ContextId): DurableInstance[] {
  const byInquirer = transientMap instanceof Map ? [...(transientMap.values() as Iterable<unknown>)] : [];
  return [values, ...byInquirer].flatMap((each) => {
    const made = each instanceof WeakMap ? (each.get(contextId) as InstancePerContext | undefined) : undefined;
    if (made === undefined) return [];
    const isObject = typeof made.instance === 'object' && made.instance !== null;
    return {
      name: String(name),
      instance: isObject && made.isResolved === true ? made.instance : undefined,
      over: made.isPending === true ? made.donePromise : undefined,
    };
  });
}

interface InstancePerContext {
  readonly instance?: unknown;
  readonly isResolved?: boolean;
  readonly isPending?: boolean;
  readonly donePromise?: Promise<unknown>;
}
