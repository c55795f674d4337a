import { inspect } from 'node:util';
import { ScopeMisuseError } from '../errors.js';
import { isObject } from './is-object.js';

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
   * `true`: the instance is made, and awaited, before the handler of a request runs. `false`: never; get it with
   * `await session.services.resolve(token)`.
   * @default true where the factory, `onModuleInit()`, or that of a transient dependency, is an `async` function
   */
  prepare?: boolean;
}

const OPTIONS: readonly (keyof ScopedOptions)[] = ['fallback', 'prepare'];

/** @throws ScopeMisuseError that names the option */
export function checkScopedOptions(where: string, options: object, more: readonly string[] = []): void {
  if (!isObject(options))
    throw new ScopeMisuseError(`${where}: expected the options to be an object, got ${inspect(options)}`);
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
