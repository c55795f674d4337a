import { NotInSessionError } from '../../errors.js';
import type { NestDependency } from '../../nest-internals.js';
import { Attempt } from './attempt.js';
import type { Client } from '../clients/client-members.js';
import { make, type Consumer, type Dependency, type Recipe } from './recipe.js';
import type { Pending } from './pending.js';
import type { ScopeHost } from '../scope-host.js';
import type { Fallback, ScopedOptions } from '../scoped-options.js';
import type { Scope, ScopeLevel } from '../scope.js';
import { ScopedProvider } from './scoped-provider.js';
import { allBeneath, dependencyOn, scopedAmong, type Transient } from './transient.js';

const UNUSED = -1;

/**
 * What Nest resolved once for a scoped class or factory. Each session, or group, makes its own instance from that. It
 * belongs to one construction by Nest, that is, to a token in a module.
 */
export abstract class InstanceProvider extends ScopedProvider {
  /** The slot of the instance in every scope; taken at the first use, as many providers are never used. */
  index = UNUSED;
  readonly fallback: Fallback;
  /** From the first instance on nothing is taken for an injection any more: writes to the client go to the instance. */
  protected isSealed = false;
  /** Whether it says that its making must be awaited. Known when it has been looked at, or is made. */
  isAsync = false;
  /** Whether it is made, and awaited, before the handler of a request runs. */
  mustBePrepared = false;
  private hasLearned = false;
  private readonly parameters: Dependency[];
  private readonly propertyDependencies = new Map<PropertyKey, Dependency>();
  private plan: { readonly recipe: Recipe; readonly consumer: Consumer; readonly hasTransients: boolean } | undefined;

  protected constructor(
    readonly level: ScopeLevel,
    readonly label: string,
    args: readonly unknown[],
    host: ScopeHost,
    private readonly options: ScopedOptions,
  ) {
    super(host);
    this.fallback = options.fallback ?? 'throw';
    this.parameters = args.map((value) => ({ value }));
    host.admit(this);
  }

  /** What Nest injects into consumers. */
  abstract readonly client: Client;
  /** What Nest knows the provider by: its class, or its factory. */
  abstract readonly metatype: unknown;
  /** What ends an instance instead of its hooks. */
  readonly dispose?: (instance: object) => unknown;

  /** A client for one given scope: it closes a circle. */
  abstract createBoundClient(scope: Scope): Client;
  protected abstract readonly create: Recipe['create'];
  protected abstract readonly isFactory: boolean;
  protected abstract readonly isAsyncItself: boolean;

  override resolveIn(scope: Scope): object {
    return scope.resolve(this);
  }

  override resolveFor(scope: Scope): object {
    return scope.isConstructing(this) ? this.createBoundClient(scope) : scope.resolve(this);
  }

  override resolveIfPossible(scope: Scope): object | undefined {
    return scope.resolveIfPossible(this);
  }

  override resolveCurrent(member: PropertyKey): object {
    const cell = this.host.context.current();
    if (cell === undefined) throw new NotInSessionError(`${this.label}.${String(member)}`);
    const fallback = this.fallback === 'request' && cell.scope === undefined ? cell.openFallback() : undefined;
    return (cell.scope ?? fallback ?? cell.open()).resolve(this);
  }

  override findScope(mayOpen: boolean): Scope | undefined {
    const found = super.findScope(mayOpen);
    if (found !== undefined || this.fallback !== 'request') return found;
    const cell = this.host.context.current();
    return mayOpen ? cell?.openFallback() : cell?.fallbackScope;
  }

  /** @throws ScopeMisuseError where it can never work */
  takeIndex(): void {
    if (this.index !== UNUSED) return;
    this.host.check(this);
    this.index = this.host.nextIndex(this.level);
  }

  /** Notes a property that Nest has injected. */
  protected noteProperty(key: PropertyKey, value: unknown): void {
    this.propertyDependencies.set(key, { value });
  }

  protected hasNoted(key: PropertyKey): boolean {
    return this.propertyDependencies.has(key);
  }

  /** What Nest has injected. */
  injectedValues(): readonly unknown[] {
    const values = [...this.parameters, ...this.propertyDependencies.values()];
    return values.map((dependency) =>
      typeof dependency === 'object' && 'value' in dependency ? dependency.value : undefined,
    );
  }

  /** Learns which of its dependencies are transient. */
  learnDependencies(found: readonly NestDependency[]): void {
    if (this.hasLearned) return;
    this.hasLearned = true;
    for (const { place, provider } of found) {
      const known = typeof place === 'number' ? this.parameters[place] : this.propertyDependencies.get(place.property);
      const dependency = dependencyOn(provider);
      if (!isBetter(dependency, known)) continue;
      if (typeof place !== 'number') this.propertyDependencies.set(place.property, dependency);
      else if (place < this.parameters.length) this.parameters[place] = dependency;
    }
    this.isAsync = this.isAsyncItself || this.transients().some((transient) => transient.isAsync);
    this.mustBePrepared = this.options.prepare ?? this.isAsync;
  }

  /** Awaits what must be awaited of what an instance depends on. */
  async prepareDependencies(scope: Scope, seen = new Set<ScopedProvider>([this])): Promise<void> {
    for (const dependency of this.dependencies()) {
      if (!(dependency instanceof InstanceProvider) || seen.has(dependency)) continue;
      seen.add(dependency);
      // In a module that was loaded late nothing is known of it yet.
      dependency.takeIndex();
      if (dependency.isAsync || dependency.mustBePrepared || scope.isMaking(dependency))
        await scope.prepare(dependency);
      else await dependency.prepareDependencies(scope, seen);
    }
  }

  /** The scoped providers that an instance gets injected, also those of its transient dependencies. */
  dependencies(): ScopedProvider[] {
    return scopedAmong(this.allDependencies(), this.host);
  }

  /** A new instance, whose scoped dependencies are those of the same scope. @returns pending where something must be awaited */
  construct(scope: Scope): object | Pending {
    const { recipe, consumer, hasTransients } = (this.plan ??= this.makePlan());
    if (!hasTransients) return make(recipe, this, consumer, scope, scope.endings) as object | Pending;
    const attempt = new Attempt(scope, scope.endings);
    return attempt.run(() => make(recipe, this, consumer, scope, attempt)) as object | Pending;
  }

  private makePlan(): NonNullable<InstanceProvider['plan']> {
    this.isSealed = true;
    const { level, label, parameters, isFactory, create, client: asInquirer } = this;
    const properties = [...this.propertyDependencies].map(([key, dependency]) => ({ key, dependency }));
    const recipe = { parameters, properties, isFactory, create };
    return { recipe, consumer: { level, label, asInquirer }, hasTransients: this.transients().length > 0 };
  }

  private transients(): Transient[] {
    return this.allDependencies().flatMap((dependency) =>
      typeof dependency === 'object' && 'transient' in dependency ? [dependency.transient] : [],
    );
  }

  private allDependencies(): readonly Dependency[] {
    return allBeneath([...this.parameters, ...this.propertyDependencies.values()]);
  }
}

/** Transient providers are made anew, and where a factory closes a circle Nest has injected null. */
function isBetter(found: Dependency, known: Dependency | undefined): boolean {
  if (typeof found !== 'object' || 'transient' in found) return true;
  const isMissing = typeof known !== 'object' || ('value' in known && (known.value ?? undefined) === undefined);
  return isMissing && (found.value ?? undefined) !== undefined;
}
