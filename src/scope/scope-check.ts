import { Scope as NestScope } from '@nestjs/common';
import { REQUEST, type ModulesContainer } from '@nestjs/core';
import {
  controllersOf,
  dependenciesOf,
  isPerRequest,
  neededBy,
  pathToRequestScope,
  providersOf,
  withoutAlias,
  type NestProvider,
} from '../nest-internals.js';
import { hasNestScope } from './injection-metadata.js';
import { InstanceProvider } from './providers/instance-provider.js';
import { hasTwoScopes, isController, isUndecorated, sessionBeneathGroup } from './misuse.js';
import { ownProviderOf, providerOf } from './providers/scoped-provider.js';
import type { ScopeHost } from './scope-host.js';
import { scopedMarkOf, scopedParentOf } from './scoped-mark.js';

/** Looks for scoped providers that cannot work in what Nest has put together. Each problem is told with its path and the fix. */
export class ScopeCheck {
  constructor(
    private readonly modules: ModulesContainer,
    private readonly host: ScopeHost,
  ) {}

  /** All that is wrong. */
  problems(): string[] {
    const controllers = new Set(controllersOf(this.modules));
    const problems = [...providersOf(this.modules)].map((each) => this.problemOf(each, controllers.has(each)));
    return [...new Set(problems.filter((problem) => problem !== undefined))];
  }

  /** What is wrong with one provider. */
  problemOf(nestProvider: NestProvider, isOneOfControllers = false): string | undefined {
    const { metatype } = nestProvider;
    if (isOneOfControllers && (scopedMarkOf(metatype) ?? scopedMarkOf(scopedParentOf(metatype))) !== undefined)
      return isController(nameOf(nestProvider));
    if (scopedMarkOf(metatype) === undefined) return this.undecoratedSubclass(nestProvider);
    return (
      this.perRequest(nestProvider) ??
      this.sessionBeneathGroup(nestProvider) ??
      this.noFallbackBeneath(nestProvider) ??
      this.circleOfPrepared(nestProvider)
    );
  }

  /** Nest would make one object of it, which all sessions share. */
  private undecoratedSubclass(nestProvider: NestProvider): string | undefined {
    const { metatype, instance, scope } = nestProvider;
    const parent = scopedParentOf(metatype) as { readonly name: string } | undefined;
    const mark = scopedMarkOf(parent);
    if (parent === undefined || mark === undefined || providerOf(instance) !== undefined) return undefined;
    // Who asks for one object for each request gets that.
    if (scope === NestScope.REQUEST) return undefined;
    return isUndecorated(nameOf(nestProvider), parent.name, mark.by);
  }

  private nestScope(nestProvider: NestProvider): string | undefined {
    const { metatype, scope, isTransient } = nestProvider;
    const hasScope = isTransient === true || scope === NestScope.REQUEST || hasNestScope(metatype as new () => unknown);
    const mark = scopedMarkOf(metatype);
    return hasScope && mark !== undefined ? hasTwoScopes(nameOf(nestProvider), mark.by) : undefined;
  }

  /** Nest makes it anew for each request, or consumer. */
  perRequest(nestProvider: NestProvider): string | undefined {
    return this.nestScope(nestProvider) ?? this.requestScope(nestProvider);
  }

  private requestScope(nestProvider: NestProvider): string | undefined {
    if (!isPerRequest(nestProvider)) return undefined;
    const path = pathToRequestScope(nestProvider);
    const last = path.at(-1) ?? nestProvider;
    const names = [...this.pathFromConsumer(nestProvider), ...path.slice(0, -1).map(nameOf)];
    const kind = last.durable === true ? 'durable' : 'REQUEST-scoped';
    const level = scopedMarkOf(nestProvider.metatype)?.level ?? 'session';
    const fix =
      last.token === REQUEST
        ? 'Pass what is needed of the request to the methods that need it.'
        : `Make ${nameOf(last)} ${level}-scoped or a singleton, or pass what it has to the methods that need it.`;
    return `${[...names, `(${kind}) ${nameOf(last)}`].join(' -> ')}: a ${level} outlives the request. ${fix}`;
  }

  private sessionBeneathGroup(nestProvider: NestProvider): string | undefined {
    if (scopedMarkOf(nestProvider.metatype)?.level !== 'group') return undefined;
    return this.findSession(this.pathFromConsumer(nestProvider), [nestProvider], new Set());
  }

  /** Through transient dependencies, too: they are made for the group. */
  private findSession(above: string[], path: NestProvider[], seen: Set<NestProvider>): string | undefined {
    for (const { provider: dependency } of dependenciesOf(path.at(-1) as NestProvider)) {
      const target = withoutAlias(dependency);
      const scoped = target.isTransient === true ? undefined : ownProviderOf(target.instance, this.host);
      if (scoped?.level === 'session') {
        const problem = sessionBeneathGroup(path.map(nameOf).join(' -> '), scoped).message;
        return [...above, problem].join(' -> ');
      }
      if (target.isTransient !== true || seen.has(target)) continue;
      seen.add(target);
      const found = this.findSession(above, [...path, target], seen);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Without a session it could not be made. */
  private noFallbackBeneath({ instance }: NestProvider): string | undefined {
    const provider = providerOf(instance);
    if (!(provider instanceof InstanceProvider) || provider.fallback !== 'request') return undefined;
    const strict = provider
      .dependencies()
      .find((each) => each instanceof InstanceProvider && each.fallback !== 'request');
    if (strict === undefined) return undefined;
    return `${provider.label} (fallback: 'request') -> ${strict.label}: a request without a session has no ${strict.label}. Give ${strict.label} the option "fallback: 'request'", too, or remove it from ${provider.label}.`;
  }

  /** They would wait for each other. Where only one in a circle is awaited, the others get a client of it. */
  private circleOfPrepared({ instance }: NestProvider): string | undefined {
    const provider = providerOf(instance);
    if (!(provider instanceof InstanceProvider) || !provider.mustBePrepared) return undefined;
    const circle = findCircle(provider);
    if (circle === undefined) return undefined;
    // Each that is awaited finds the same circle.
    const first = circle.reduce((least, { label }, i) => (label < (circle[least]?.label ?? '') ? i : least), 0);
    const names = [...circle.slice(first), ...circle.slice(0, first + 1)].map(({ label }) => label);
    return `${names.join(' -> ')}: at least two of these are made asynchronously, and each would wait for the other. Break the circle: move what both need to a third provider, or pass it in a method call.`;
  }

  /** One consumer of a provider, best a controller, from there down. */
  private pathFromConsumer(nestProvider: NestProvider): string[] {
    const controllers = new Set(controllersOf(this.modules));
    const all = [...providersOf(this.modules)];
    let paths: NestProvider[][] = [[nestProvider]];
    const seen = new Set([nestProvider]);
    let nearest: NestProvider[] | undefined;
    while (paths.length > 0) {
      paths = paths.flatMap((path) =>
        all
          .filter((each) => !seen.has(each) && neededBy(each).includes(path[0] as NestProvider))
          .map((consumer) => {
            seen.add(consumer);
            return [consumer, ...path];
          }),
      );
      nearest ??= paths[0];
      const toController = paths.find(([first]) => first !== undefined && controllers.has(first));
      if (toController !== undefined) return toController.slice(0, -1).map(nameOf);
    }
    return (nearest ?? []).slice(0, -1).map(nameOf);
  }
}

/** The way from something awaited through another that is awaited, too, back to it. */
function findCircle(start: InstanceProvider): InstanceProvider[] | undefined {
  const seen = { throughAwaited: new Set<unknown>(), otherwise: new Set<unknown>() };
  const search = (path: InstanceProvider[], isThroughAwaited: boolean): InstanceProvider[] | undefined => {
    for (const dependency of path.at(-1)?.dependencies() ?? []) {
      if (!(dependency instanceof InstanceProvider)) continue;
      if (dependency === start) {
        if (isThroughAwaited) return path;
        continue;
      }
      const isThrough = isThroughAwaited || dependency.mustBePrepared;
      const known = isThrough ? seen.throughAwaited : seen.otherwise;
      if (known.has(dependency)) continue;
      known.add(dependency);
      const circle = search([...path, dependency], isThrough);
      if (circle !== undefined) return circle;
    }
    return undefined;
  };
  return search([start], false);
}

function nameOf({ name, token }: NestProvider): string {
  return typeof name === 'string' ? name : String(name ?? token);
}
