import { inspect } from 'node:util';
import { NotInSessionError, ScopeMisuseError } from '../../errors.js';
import type { NestDependency } from '../../nest-internals.js';
import { Attempt } from './attempt.js';
import type { Client } from '../clients/client-members.js';
import { make, type Consumer, type Dependency, type Recipe } from './recipe.js';
import type { Pending } from './pending.js';
import type { ScopeHost } from '../scope-host.js';
import type { Scope, ScopeLevel } from '../scope.js';
import { ScopedProvider } from './scoped-provider.js';
import { allBeneath, dependencyOn, scopedAmong, type Transient } from './transient.js';

const UNUSED = -1;

/** What becomes of a use without an active session: an error, or an instance that lives as long as the request. */
export type Fallback = 'throw' | 'request';

/** Options of every scoped provider. */
export interface ScopedOptions {
  /**
   * What a request gets that has no active session: an error, or an instance of its own, which ends when the response
   * closes.
   * @default 'throw'
   */
  fallback?: Fallback;
  /**
   * `true`: the instance is there before the handler runs, and what is asynchronous in its making is awaited.
   * @default true where the factory, `onModuleInit()`, or something transient beneath, is an `async` function
   */
  prepare?: boolean;
}

const OPTIONS: readonly (keyof ScopedOptions)[] = ['fallback', 'prepare'];

/**
 * What Nest resolved once for a scoped class or factory. Each session, or group, makes its own instance from that. It
 * belongs to one construction by Nest, that is, to a token in a module.
 */
export abstract class InstanceProvider extends ScopedProvider {
  /** Where scopes keep the instance; taken at the first one, as many providers never have any. */
  index = UNUSED;
  readonly fallback: Fallback;
  /** From the first instance on, writes to the client go to instances. */
  protected isSealed = false;
  /** Whether it must be awaited before it can be used. Known when it has been looked at, or is made. */
  isPrepared = false;
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
    const isAsync = this.isAsyncItself || this.transients().some((transient) => transient.isAsync);
    this.isPrepared = this.options.prepare ?? isAsync;
  }

  /** Awaits what must be awaited of what an instance depends on. */
  async prepareDependencies(scope: Scope, seen = new Set<ScopedProvider>([this])): Promise<void> {
    for (const dependency of this.dependencies()) {
      if (!(dependency instanceof InstanceProvider) || seen.has(dependency)) continue;
      seen.add(dependency);
      // In a module that was loaded late nothing is known of it yet.
      dependency.takeIndex();
      if (dependency.isPrepared) await scope.prepare(dependency);
      else await dependency.prepareDependencies(scope, seen);
    }
  }

  /** The scoped providers that an instance gets injected, also those of its transient dependencies. */
  dependencies(): ScopedProvider[] {
    return scopedAmong(this.allDependencies(), this.host.context);
  }

  /** A new instance, whose scoped dependencies are those of the same scope. @returns pending where something must be awaited */
  construct(scope: Scope): object | Pending {
    const { recipe, consumer, hasTransients } = (this.plan ??= this.makePlan());
    if (!hasTransients) return make(recipe, this, consumer, scope, scope) as object | Pending;
    const attempt = new Attempt(scope, this.host);
    return attempt.run(() => make(recipe, this, consumer, scope, attempt)) as object | Pending;
  }

  private makePlan(): NonNullable<InstanceProvider['plan']> {
    this.isSealed = true;
    const { level, label, parameters, create, client: standIn } = this;
    const properties = [...this.propertyDependencies].map(([key, dependency]) => ({ key, dependency }));
    const recipe = { parameters, properties, create };
    return { recipe, consumer: { level, label, standIn }, hasTransients: this.transients().length > 0 };
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

/** @throws ScopeMisuseError that names the option */
export function checkScopedOptions(where: string, options: object, more: readonly string[] = []): void {
  const known = [...OPTIONS, ...more];
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new ScopeMisuseError(`${where}: there is no option "${unknown}". Known are: ${known.join(', ')}`);
  const { fallback, prepare } = options as { fallback?: unknown; prepare?: unknown };
  if (fallback !== undefined && fallback !== 'throw' && fallback !== 'request')
    throw new ScopeMisuseError(
      `${where}: expected option "fallback" to be 'throw' or 'request', got ${inspect(fallback)}`,
    );
  if (prepare !== undefined && typeof prepare !== 'boolean')
    throw new ScopeMisuseError(`${where}: expected option "prepare" to be true or false, got ${inspect(prepare)}`);
}
