import { ScopeMisuseError } from '../errors.js';
import type { InstanceProvider } from './providers/instance-provider.js';
import type { ScopedProvider } from './providers/scoped-provider.js';

/** What is told wherever it is noticed: at decoration, at the start, or at the first use. */

export function isController(name: string): string {
  return `${name} is a controller, and Nest makes controllers once. Inject a scoped service into it instead of scoping it.`;
}

/** @param by the decorator, or helper, that scopes it */
export function hasTwoScopes(name: string, by: string): string {
  return `${name} has ${by} and a scope of Nest's own (Scope.REQUEST or Scope.TRANSIENT). Keep one of them.`;
}

export function isUndecorated(name: string, parent: string, by: string): string {
  return `${name} extends ${parent}, which has ${by}, so all sessions would share one ${name}. Decorate ${name} with ${by}, too.`;
}

/** @param path from the group-scoped provider down to what wants the session-scoped one */
export function sessionBeneathGroup(path: string, provider: ScopedProvider): ScopeMisuseError {
  const group = path.split(' -> ')[0] ?? path;
  return new ScopeMisuseError(
    `${path} -> (session-scoped) ${provider.label}: a group has several sessions. ` +
      `Make ${group} session-scoped, or ${provider.groupAlternative}.`,
  );
}

/** It must be awaited, and was asked for before it was there. */
export function notReady({ label, mustBePrepared }: InstanceProvider): ScopeMisuseError {
  const why = mustBePrepared
    ? 'A request prepares it before its handler runs, unless the module option "preload" is false.'
    : 'It was not prepared: its option "prepare" is false, or neither its factory nor its onModuleInit() is an `async` function. ' +
      'With "prepare: true" it is ready before the handler of a request runs.';
  return new ScopeMisuseError(
    `${label} is made asynchronously and is not ready yet. ${why} Elsewhere, await it first: \`await session.services.resolve(token)\`.`,
  );
}
