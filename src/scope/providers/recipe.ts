import type { NestProvider } from '../../nest-internals.js';
import { whenAllMade, whenMade, whenSettled } from './pending.js';
import type { Keeper, Maker } from '../created.js';
import type { Scope, ScopeLevel } from '../scope.js';
import { isObject } from '../is-object.js';
import { sessionBeneathGroup } from '../misuse.js';
import { ownProviderOf } from './scoped-provider.js';
import type { Transient } from './transient.js';

const NONE: readonly never[] = Object.freeze([]);

/** Who gets something injected. */
export interface Consumer {
  readonly level: ScopeLevel;
  /** How messages name it: a path from the scoped provider down to it. */
  readonly label: string;
  /** What stands for it where a transient provider asks who wants it. */
  readonly asInquirer: unknown;
  /** What it gets itself where it asks who wants it. */
  readonly inquirer?: unknown;
}

/** One parameter or property: what Nest has resolved for it, or how it is made anew each time. */
export type Dependency = { readonly value: unknown } | { readonly transient: Transient } | 'inquirer';

/** How one object is made. */
export interface Recipe {
  readonly parameters: readonly Dependency[];
  readonly properties: readonly { readonly key: PropertyKey; readonly dependency: Dependency }[];
  /** What a constructor returns is new; a factory may return anything. */
  readonly isFactory: boolean;
  /** Calls the constructor, or the factory. */
  readonly create: (args: readonly unknown[]) => unknown;
}

/**
 * Makes an object in a scope; pending where something must be awaited. What a factory was given, and only hands on, is
 * not its own: it is neither initialised here, nor kept, unless the factory says how to dispose of it.
 * @param maker what ends the object with the scope
 * @param consumer the object itself, as who gets something injected
 * @param keeper has what is made end
 */
export function make(recipe: Recipe, maker: Maker, consumer: Consumer, scope: Scope, keeper: Keeper): unknown {
  const { parameters, properties, create, isFactory } = recipe;
  const injection = new Injection(consumer, scope, keeper);
  const args = parameters.map(injection.of);
  const values = properties.length === 0 ? NONE : properties.map(({ dependency }) => injection.of(dependency));
  return whenAllMade(args, (madeArgs) =>
    whenAllMade(values, (madeValues) =>
      whenMade(createIn(scope, create, madeArgs), (instance) => {
        for (let i = 0; i < properties.length; i++)
          Reflect.set(instance as object, (properties[i] as Recipe['properties'][number]).key, madeValues[i]);
        if (!isObject(instance)) return instance;
        const isOwn = !isFactory || !isHandedOn(instance, madeArgs, scope);
        return whenSettled(isOwn ? initialize(instance) : undefined, () => {
          if (isOwn || maker.dispose !== undefined) keeper.keep({ maker, instance });
          return instance;
        });
      }),
    ),
  );
}

/** What was awaited may have taken longer than the session. */
function createIn(scope: Scope, create: Recipe['create'], args: readonly unknown[]): unknown {
  if (scope.isEmptied) throw scope.endedError();
  return create(args);
}

/** Whether a factory has not made what it returns. */
function isHandedOn(instance: object, args: readonly unknown[], scope: Scope): boolean {
  return args.includes(instance) || scope.keeps(instance) || scope.host.shared.has(instance);
}

/** As Nest does it for its own providers. */
function initialize(made: object): unknown {
  // Asked for with `in`: an object may be strict about what is read of it.
  const isInitialized = 'onModuleInit' in made && typeof made.onModuleInit === 'function';
  return isInitialized ? (made as { onModuleInit(): unknown }).onModuleInit() : undefined;
}

/** What one consumer gets injected. */
class Injection {
  /** As in Nest one consumer gets one object, however often it asks for the same transient provider. */
  private transients: Map<NestProvider, unknown> | undefined;

  constructor(
    private readonly consumer: Consumer,
    private readonly scope: Scope,
    private readonly keeper: Keeper,
  ) {}

  readonly of = (dependency: Dependency): unknown => {
    if (dependency === 'inquirer') return this.consumer.inquirer;
    return 'value' in dependency
      ? ownOf(this.consumer, dependency.value, this.scope)
      : this.ofTransient(dependency.transient);
  };

  private ofTransient(transient: Transient): unknown {
    this.transients ??= new Map();
    const { nestProvider } = transient;
    if (!this.transients.has(nestProvider))
      this.transients.set(nestProvider, transient.makeFor(this.consumer, this.scope, this.keeper));
    return this.transients.get(nestProvider);
  }
}

/** A client becomes what the scope has of it; all else stays as it is. */
function ownOf({ level, label }: Consumer, value: unknown, scope: Scope): unknown {
  const provider = ownProviderOf(value, scope.host);
  if (provider === undefined) return value;
  if (level === 'group' && provider.level === 'session') throw sessionBeneathGroup(label, provider);
  return provider.resolveFor(scope);
}
