import { BadArgumentError } from '../errors.js';
import type { Runner } from '../runners/runner.js';
import type { RunnerSetup } from '../runners/runner-setup.js';
import { isToken, type Token } from '../scope/injection-metadata.js';
import type { SessionModuleRef } from '../scope/session-module-ref.js';
import type { ActiveSession } from './active-session.js';

/** What a factory is given for one runner: hand it on to the runner's constructor. */
export interface RunnerContext extends RunnerSetup {
  readonly session: ActiveSession;
}

/** Makes runners for `session.createRunner()`. Provide it like any other class; it may be scoped. */
export interface InjectableRunnerFactory<Q, R> {
  create(request: Q, context: RunnerContext): Runner<R> | Promise<Runner<R>>;
}

/**
 * What makes a runner: a function, or the token of an {@link InjectableRunnerFactory}, such as a class.
 */
export type RunnerFactory<Q, R> = FactoryFunction<Q, R> | Token<InjectableRunnerFactory<Q, R>>;

type FactoryFunction<Q, R> = (request: Q, context: RunnerContext) => Runner<R> | Promise<Runner<R>>;

/** @throws BadArgumentError for what is no factory */
export function checkFactory(factory: unknown): void {
  if (!isToken(factory))
    throw new BadArgumentError(
      'Expected a runner factory to be a function, or the token of a provider that has create()',
    );
}

/** @throws BadArgumentError for what is no factory, whatever the factory throws, and Nest's own error for an unknown token */
export async function callFactory<Q, R>(
  factory: RunnerFactory<Q, R>,
  request: Q,
  context: RunnerContext,
  services: SessionModuleRef,
): Promise<unknown> {
  if (isFunction(factory)) return factory(request, context);
  const provided: Partial<InjectableRunnerFactory<Q, R>> = await services.resolve(factory);
  if (typeof provided.create !== 'function')
    throw new BadArgumentError('Expected the provider of a runner factory to have a method create()');
  return provided.create(request, context);
}

/** What an abstract class declares is not on its prototype: a class is a token also without that. */
function isFunction<Q, R>(factory: RunnerFactory<Q, R>): factory is FactoryFunction<Q, R> {
  if (typeof factory !== 'function' || /^class\b/.test(Function.prototype.toString.call(factory))) return false;
  return typeof (factory.prototype as { create?: unknown } | undefined)?.create !== 'function';
}
