import type { Logger } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { describeError } from '../describe-error.js';
import { ScopeMisuseError } from '../errors.js';
import { dependenciesOf, providersOf, withoutAlias, type NestProvider } from '../nest-internals.js';
import type { SessionContext } from './context.js';
import { injectionTokensOf, nameOfToken, tokenOf } from './injection-metadata.js';
import type { InstanceProvider } from './providers/instance-provider.js';
import { ScopeCheck } from './scope-check.js';
import { ScopeHost } from './scope-host.js';
import type { ScopeLevel } from './scope.js';
import { scopedMarkOf } from './scoped-mark.js';
import { providerOf } from './providers/scoped-provider.js';

/** So many providers are waited for before they are looked at; more come from `ModuleRef.create()`, which Nest does not keep. */
const LOOK_AT_COUNT = 256;

/** {@link ScopeHost} of one application. */
export class ApplicationScopes extends ScopeHost {
  private readonly counts: Record<ScopeLevel, number> = { session: 0, group: 0 };
  private readonly scopeCheck: ScopeCheck;
  /** Constructed by Nest since the last look. */
  private newcomers: InstanceProvider[] = [];
  private lookAtCount = LOOK_AT_COUNT;
  /** What the check at the start has found to be fine. */
  private readonly checked = new WeakSet<object>();
  private prepared: readonly InstanceProvider[] = [];

  constructor(
    context: SessionContext,
    private readonly modules: ModulesContainer,
    private readonly logger: Logger,
  ) {
    super(context);
    this.scopeCheck = new ScopeCheck(modules, this);
  }

  override refuseRequestScope(metatype: unknown): void {
    for (const nestProvider of providersOf(this.modules))
      if (nestProvider.metatype === metatype) refuse([this.scopeCheck.perRequest(nestProvider)]);
  }

  override logError(what: string, error: unknown): void {
    const { text, stack } = describeError(error);
    this.logger.error(`${what}: ${text}`, stack);
  }

  override admit(provider: InstanceProvider): void {
    // It is not complete yet: others are looked at first.
    if (this.newcomers.length >= this.lookAtCount) this.lookAtNewcomers();
    this.newcomers.push(provider);
  }

  override checkAll(): void {
    this.lookAtNewcomers();
    refuse(this.scopeCheck.problems());
    for (const provider of this.constructed().keys()) if (provider !== undefined) this.checked.add(provider);
    for (const { instance } of providersOf(this.modules))
      if (typeof instance === 'object' && instance !== null) this.shared.add(instance);
  }

  override check(provider: InstanceProvider): void {
    if (this.checked.has(provider)) return;
    const nestProvider = this.constructed().get(provider);
    if (nestProvider === undefined) {
      provider.learnDependencies([]);
      refuse([this.transientOf(provider)]);
    } else {
      provider.learnDependencies(dependenciesOf(nestProvider));
      refuse([this.scopeCheck.problemOf(nestProvider)]);
    }
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
    const prepared = here.filter(({ mustBePrepared }) => mustBePrepared);
    if (prepared.length > 0) this.prepared = [...this.prepared, ...prepared];
    // What Nest has only begun to make is looked at later; what it does not keep is nobody's.
    const beingMade = this.beingMade();
    this.newcomers = this.newcomers.filter((each) => !constructed.has(each) && beingMade.has(each.metatype));
    this.lookAtCount = Math.max(LOOK_AT_COUNT, 2 * this.newcomers.length);
  }

  /** Nest keeps nothing of what `ModuleRef.create()` makes: of what it has injected nobody knows what is transient. */
  private transientOf(provider: InstanceProvider): string | undefined {
    const { parameters, properties } = injectionTokensOf(provider.metatype as new () => unknown);
    const injected = provider.injectedValues();
    const tokens = [...parameters, ...properties.map(({ type }) => type)].map(tokenOf);
    const all = [...providersOf(this.modules)];
    const isShared = (candidate: NestProvider): boolean =>
      candidate.isTransient !== true && injected.includes(candidate.instance);
    const transient = tokens.find((token) => {
      const candidates = all.filter((each) => each.token === token).map(withoutAlias);
      return candidates.some(({ isTransient }) => isTransient === true) && !candidates.some(isShared);
    });
    const reason =
      transient !== undefined
        ? `all sessions would share its transient ${nameOfToken(transient)}`
        : provider.isAsync
          ? 'it is asynchronous, and nobody could await it'
          : undefined;
    const { label } = provider;
    return (
      reason &&
      `${label} was made by ModuleRef.create(): ${reason}. Use session.services.create(${label}), or provide it in a module.`
    );
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
    return [...providersOf(this.modules)].filter(({ metatype }) => scopedMarkOf(metatype) !== undefined);
  }
}

function refuse(problems: readonly (string | undefined)[]): void {
  const told = problems.filter((problem) => problem !== undefined);
  if (told.length > 0) throw new ScopeMisuseError(told.join('\n'));
}
