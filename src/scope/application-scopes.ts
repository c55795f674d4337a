import type { Logger } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { describeError } from '../describe-error.js';
import { ScopeMisuseError } from '../errors.js';
import { dependenciesOf, providersOf, type NestDependency, type NestProvider } from '../nest-internals.js';
import type { SessionContext } from './context.js';
import { injectionTokensOf, tokenOf } from './injection-metadata.js';
import type { InstanceProvider } from './providers/instance-provider.js';
import { ScopeCheck } from './scope-check.js';
import { ScopeHost } from './scope-host.js';
import type { ScopeLevel } from './scope.js';
import { scopedLevelOf } from './scoped-mark.js';
import { providerOf } from './providers/scoped-provider.js';

/** So many providers may wait to be looked at; more can only come from `ModuleRef.create()`, which Nest does not keep. */
const PATIENCE = 256;

/** {@link ScopeHost} of one application. */
export class ApplicationScopes extends ScopeHost {
  private readonly counts: Record<ScopeLevel, number> = { session: 0, group: 0 };
  private readonly scopeCheck: ScopeCheck;
  /** Constructed by Nest since one looked last. */
  private newcomers: InstanceProvider[] = [];
  private patience = PATIENCE;
  /** What the check at the start has found to be fine. */
  private readonly checked = new WeakSet<object>();
  private prepared: readonly InstanceProvider[] = [];

  constructor(
    context: SessionContext,
    private readonly modules: ModulesContainer,
    private readonly logger: Logger,
  ) {
    super(context);
    this.scopeCheck = new ScopeCheck(modules, context);
  }

  override refuseRequestScope(metatype: unknown): void {
    for (const nestProvider of providersOf(this.modules))
      if (nestProvider.metatype === metatype) refuse([this.scopeCheck.perRequest(nestProvider)]);
  }

  override warn(what: string, error: unknown): void {
    const { text, stack } = describeError(error);
    this.logger.error(`${what}: ${text}`, stack);
  }

  override admit(provider: InstanceProvider): void {
    // It is not complete yet: others are looked at first.
    if (this.newcomers.length >= this.patience) this.lookAtNewcomers();
    this.newcomers.push(provider);
  }

  override checkAll(): void {
    this.lookAtNewcomers();
    refuse(this.scopeCheck.problems());
    for (const provider of this.constructed().keys()) if (provider !== undefined) this.checked.add(provider);
  }

  override check(provider: InstanceProvider): void {
    if (this.checked.has(provider)) return;
    const nestProvider = this.constructed().get(provider);
    provider.learnDependencies(nestProvider === undefined ? this.byTokens(provider) : dependenciesOf(nestProvider));
    if (nestProvider !== undefined) refuse([this.scopeCheck.problemOf(nestProvider)]);
  }

  override providersToPrepare(): readonly InstanceProvider[] {
    if (this.newcomers.length > 0) this.lookAtNewcomers();
    return this.prepared;
  }

  override nextIndex(level: ScopeLevel): number {
    return this.counts[level]++;
  }

  private lookAtNewcomers(): void {
    const constructed = this.constructed();
    const here = this.newcomers.filter((provider) => constructed.has(provider));
    for (const provider of here) provider.learnDependencies(dependenciesOf(constructed.get(provider) as NestProvider));
    const prepared = here.filter(({ isPrepared }) => isPrepared);
    if (prepared.length > 0) this.prepared = [...this.prepared, ...prepared];
    // What Nest has only begun to make is looked at later; what it does not keep is nobody's.
    const beingMade = this.beingMade();
    this.newcomers = this.newcomers.filter((each) => !constructed.has(each) && beingMade.has(each.metatype));
    this.patience = Math.max(PATIENCE, 2 * this.newcomers.length);
  }

  /** Nest keeps nothing of what `ModuleRef.create()` makes: what it injected is found by name. */
  private byTokens({ metatype }: InstanceProvider): NestDependency[] {
    const { parameters, properties } = injectionTokensOf(metatype as new () => unknown);
    const all = [...providersOf(this.modules)];
    return [
      ...parameters.map((type, place) => ({ place, type })),
      ...properties.map(({ key, type }) => ({ place: { property: key }, type })),
    ].flatMap(({ place, type }) => {
      const provider = all.findLast(({ token }) => token === tokenOf(type));
      return provider === undefined ? [] : [{ place, provider }];
    });
  }

  private constructed(): ReadonlyMap<object | undefined, NestProvider> {
    return new Map(this.scoped().map((nestProvider) => [providerOf(nestProvider.instance), nestProvider]));
  }

  /** The classes and factories of which Nest has not made all that it is going to. */
  private beingMade(): ReadonlySet<unknown> {
    const unmade = this.scoped().filter(({ instance }) => providerOf(instance) === undefined);
    return new Set(unmade.map(({ metatype }) => metatype));
  }

  private scoped(): NestProvider[] {
    return [...providersOf(this.modules)].filter(({ metatype }) => scopedLevelOf(metatype) !== undefined);
  }
}

function refuse(problems: readonly (string | undefined)[]): void {
  const told = problems.filter((problem) => problem !== undefined);
  if (told.length > 0) throw new ScopeMisuseError(told.join('\n'));
}
