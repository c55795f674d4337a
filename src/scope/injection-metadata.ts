import { inspect } from 'node:util';
import { Scope, type Abstract } from '@nestjs/common';
import { ScopeMisuseError } from '../errors.js';
import { ScopeHost } from './scope-host.js';

// The keys under which TypeScript and the decorators of Nest note what a class wants injected.
const PARAMETER_TYPES = 'design:paramtypes';
const PARAMETER_TOKENS = 'self:paramtypes';
const OPTIONAL_PARAMETERS = 'optional:paramtypes';
const PROPERTIES = 'self:properties_metadata';
const OPTIONAL_PROPERTIES = 'optional:properties_metadata';
const NEST_SCOPE = 'scope:options';

type Class = abstract new (...args: never[]) => unknown;

/** How providers are named. */
export type Token<T = unknown> = (abstract new (...args: never[]) => T) | Abstract<T> | string | symbol;

/** How messages name a token. */
export function nameOfToken(token: unknown): string {
  return typeof token === 'function' ? token.name : typeof token === 'string' ? token : inspect(token);
}

/** Whether it can be a token at all. */
export function isToken(token: unknown): token is Token {
  return ['function', 'string', 'symbol'].includes(typeof token);
}

/** @throws ScopeMisuseError: mostly it is a class that is not there yet */
export function checkToken(name: string, token: unknown): void {
  if (!isToken(token))
    throw new ScopeMisuseError(
      `Expected ${name} to be a class, a string or a symbol, got ${inspect(token)}. Where two files import each other, use a string or a symbol.`,
    );
}

/** Whether `new` can be used with it; nothing of it is run for that. */
export function isClass(value: unknown): value is Class {
  try {
    Reflect.construct(Object, [], value as Class);
    return true;
  } catch {
    return false;
  }
}

/** What a class wants in one place. */
export interface Wanted {
  readonly token: Token;
  readonly isOptional: boolean;
}

/** What a class wants injected into its constructor's parameters and its properties. */
export function wantedBy(type: Class): {
  parameters: Wanted[];
  properties: (Wanted & { key: PropertyKey })[];
} {
  const optionalIndexes = (Reflect.getMetadata(OPTIONAL_PARAMETERS, ownerOfConstructor(type)) ?? []) as number[];
  const optionalKeys = (Reflect.getMetadata(OPTIONAL_PROPERTIES, type) ?? []) as PropertyKey[];
  return {
    parameters: injectedParameters(type).map((token, i) => ({
      token: tokenOf(token),
      isOptional: optionalIndexes.includes(i),
    })),
    properties: injectedProperties(type).map(({ key, type: token }) => ({
      key,
      token: tokenOf(token),
      isOptional: optionalKeys.includes(key),
    })),
  };
}

/** A token may be wrapped: `forwardRef(() => Token)`. */
export function tokenOf(token: unknown): Token {
  const isWrapped = typeof token === 'object' && token !== null && 'forwardRef' in token;
  return (isWrapped ? (token.forwardRef as () => unknown)() : token) as Token;
}

function injectedProperties(target: Class): { key: PropertyKey; type: unknown }[] {
  return (Reflect.getMetadata(PROPERTIES, target) ?? []) as { key: PropertyKey; type: unknown }[];
}

/** The keys of the properties into which Nest injects, inherited ones included. */
export function injectedPropertyKeys(target: Class): ReadonlySet<PropertyKey> {
  return new Set(injectedProperties(target).map(({ key }) => key));
}

/** The tokens of parameters and properties, as Nest would read them: undefined where a type is missing. */
export function injectionTokensOf(target: Class): {
  parameters: unknown[];
  properties: { key: PropertyKey; type: unknown }[];
} {
  const parameters = [...((Reflect.getMetadata(PARAMETER_TYPES, target) ?? []) as unknown[])];
  if (parameters.at(-1) === ScopeHost) parameters.pop();
  const declared = (Reflect.getMetadata(PARAMETER_TOKENS, target) ?? []) as { index: number; param: unknown }[];
  for (const { index, param } of declared) parameters[index] = param;
  return { parameters, properties: injectedProperties(target) };
}

/** The tokens of the constructor's parameters. @throws ScopeMisuseError when types are missing */
export function injectedParameters(target: Class): unknown[] {
  const tokens = injectionTokensOf(target).parameters;
  const missing = Array.from({ length: Math.max(target.length, tokens.length) }, (_, i) => i).find(
    (i) => tokens[i] === undefined,
  );
  if (missing !== undefined)
    throw new ScopeMisuseError(
      `The type of parameter ${missing + 1} of ${target.name}'s constructor is not known. Turn on "emitDecoratorMetadata", ` +
        'or mark the parameter with @Inject(); where two files import each other, with @Inject(forwardRef(() => ...)).',
    );
  return tokens;
}

/**
 * Notes on the subclass, as its own, all that Nest reads of a class: the parameters and one hidden last one. Nest would
 * otherwise merge in what it finds on parent classes and overwrite the hidden parameter.
 */
export function describeInjection(subclass: Class, target: Class, tokens: unknown[]): void {
  for (const key of Reflect.getOwnMetadataKeys(target) as unknown[])
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, target), subclass);
  const owner = ownerOfConstructor(target);
  Reflect.defineMetadata(PARAMETER_TYPES, [...tokens, ScopeHost], subclass);
  Reflect.defineMetadata(PARAMETER_TOKENS, [], subclass);
  Reflect.defineMetadata(OPTIONAL_PARAMETERS, Reflect.getMetadata(OPTIONAL_PARAMETERS, owner) ?? [], subclass);
  Reflect.defineMetadata(NEST_SCOPE, undefined, subclass);
}

/** Whether `@Injectable({ scope })` gives the class a scope of Nest's own. */
export function hasNestScope(target: Class): boolean {
  const scope = (Reflect.getMetadata(NEST_SCOPE, target) as { scope?: Scope } | undefined)?.scope;
  return scope === Scope.REQUEST || scope === Scope.TRANSIENT;
}

/** The class in the chain that declares the constructor: optional flags count only together with its parameters. */
function ownerOfConstructor(target: Class): Class {
  const keys = [PARAMETER_TYPES, PARAMETER_TOKENS, OPTIONAL_PARAMETERS];
  for (
    let type: unknown = target;
    typeof type === 'function' && type !== Function.prototype;
    type = Object.getPrototypeOf(type)
  )
    if (keys.some((key) => Reflect.hasOwnMetadata(key, type))) return type as Class;
  return target;
}
