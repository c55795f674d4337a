/**
 * The one file that touches what Nest does not document. All of it is looked for before it is used, so that another
 * version of Nest costs a feature, named in a warning, and not the application.
 */
import type { ModulesContainer } from '@nestjs/core';
import { DiscoverableMetaHostCollection } from '@nestjs/core/discovery/discoverable-meta-host-collection.js';
import { UnknownElementException } from '@nestjs/core/errors/exceptions/unknown-element.exception.js';

interface ModuleLike {
  metatype?: unknown;
  distance?: unknown;
  providers?: ReadonlyMap<unknown, WrapperLike>;
}

interface WrapperLike {
  metatype?: unknown;
  name?: unknown;
  isDependencyTreeStatic?(): boolean;
  getCtorMetadata?(): (WrapperLike | undefined)[] | undefined;
  getPropertiesMetadata?(): { wrapper?: WrapperLike }[] | undefined;
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

/** How often a module class was imported with different metadata. */
export function countModules(modules: ModulesContainer, moduleClass: unknown): number {
  return modulesOf(modules, moduleClass).length;
}

function modulesOf(modules: ModulesContainer, moduleClass: unknown): ModuleLike[] {
  return [...(modules.values() as Iterable<ModuleLike>)].filter(({ metatype }) => metatype === moduleClass);
}

/**
 * How a provider of this class depends on something request-scoped: `Cart -> Audit -> Db`; undefined where none does.
 * Nest makes such a provider anew for each request.
 */
export function pathToRequestScope(modules: ModulesContainer, type: unknown): string | undefined {
  for (const { providers } of modules.values() as Iterable<ModuleLike>)
    for (const wrapper of providers?.values() ?? [])
      if (wrapper.metatype === type && isPerRequest(wrapper)) return pathBelow(wrapper, new Set()).join(' -> ');
  return undefined;
}

// Each dependency is asked, too: Nest before 11.2 remembers an answer from before it knew the properties.
function isPerRequest(wrapper: WrapperLike): boolean {
  return [wrapper, ...dependenciesOf(wrapper)].some((each) => each.isDependencyTreeStatic?.() === false);
}

function pathBelow(wrapper: WrapperLike, seen: Set<WrapperLike>): string[] {
  seen.add(wrapper);
  const next = dependenciesOf(wrapper).find((each) => !seen.has(each) && each.isDependencyTreeStatic?.() === false);
  return [String(wrapper.name), ...(next === undefined ? [] : pathBelow(next, seen))];
}

function dependenciesOf(wrapper: WrapperLike): WrapperLike[] {
  const parameters = wrapper.getCtorMetadata?.() ?? [];
  const properties = (wrapper.getPropertiesMetadata?.() ?? []).map((property) => property.wrapper);
  return [...parameters, ...properties].filter((each) => each !== undefined && each !== null);
}
