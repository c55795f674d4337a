import { createParamDecorator, Inject, type ExecutionContext } from '@nestjs/common';
import { checkObject } from '../check-arguments.js';
import { BadArgumentError, RunnerGoneError } from '../errors.js';
import { RunnerKey } from '../runners/runner-key.js';
import type { Runner } from '../runners/runner.js';
import type { RunnerWanted } from '../runners/runner-options.js';
import { ActiveSession } from '../session/active-session.js';
import { ActiveSessionGroup } from '../session/active-session-group.js';
import { getActiveSession, getActiveSessionGroup, peekActiveSession } from './request-state.js';

/**
 * On a handler's parameter: the active session of this request, made where there is none yet. On a constructor's
 * parameter or a property: a stand-in for the session of the code that uses it; `isAvailable` tells whether there is one.
 * @example
 * ```ts
 * @Get()
 * show(@InjectActiveSession() session: ActiveSession) {
 *   return { id: session.id, generation: session.generation };
 * }
 * ```
 */
export function InjectActiveSession(): ParameterDecorator & PropertyDecorator {
  return injectOwner(ActiveSession, HandlerSession());
}

/** Like {@link InjectActiveSession}, for what all active sessions of the user session share. */
export function InjectActiveSessionGroup(): ParameterDecorator & PropertyDecorator {
  return injectOwner(ActiveSessionGroup, HandlerGroup());
}

/**
 * Handler parameter: the runner behind the key in this route parameter.
 * @param parameter the name of the route parameter
 * @param want its kind and name; another one counts as gone
 * @throws BadArgumentError at once where the name is none; in requests BadRunnerKeyError (400) for what is no key; RunnerGoneError (410) for any runner that is not of this session, or has gone
 * @example
 * ```ts
 * @Get(':key')
 * read(@RunnerParam('key', { kind: 'sequence', name: 'search' }) runner: SequenceRunner<Row>) {}
 * ```
 */
export function RunnerParam(parameter: string, want: RunnerWanted = {}): ParameterDecorator {
  // With another one each request would be told that its key is bad.
  if (typeof parameter !== 'string' || parameter === '')
    throw new BadArgumentError("Expected @RunnerParam() to name a route parameter: @RunnerParam('key') for :key");
  checkObject('what @RunnerParam() wants of a runner', want);
  return HandlerRunner({ parameter, want });
}

const HandlerSession = createParamDecorator((_data: undefined, context: ExecutionContext) =>
  getActiveSession(requestOf(context)),
);
const HandlerGroup = createParamDecorator((_data: undefined, context: ExecutionContext) =>
  getActiveSessionGroup(requestOf(context)),
);
const HandlerRunner = createParamDecorator(
  ({ parameter, want }: { parameter: string; want: RunnerWanted }, context: ExecutionContext): Runner => {
    const req = requestOf(context);
    const key = RunnerKey.parse(req.params?.[parameter] ?? '');
    // Looking for a runner makes no session: without one there are no runners.
    const runner = peekActiveSession(req)?.getRunner(key, want);
    if (runner === undefined) throw new RunnerGoneError();
    return runner;
  },
);

function requestOf(context: ExecutionContext): { params?: Record<string, string> } {
  return context.switchToHttp().getRequest();
}

/** A handler has a name and its parameters come from the request; all else is injected by Nest. */
function injectOwner(token: typeof ActiveSession | typeof ActiveSessionGroup, ofRequest: ParameterDecorator) {
  return (target: object, key: string | symbol | undefined, index?: number): void => {
    if (key !== undefined && typeof index === 'number') ofRequest(target, key, index);
    else
      (Inject(token) as (target: object, key: string | symbol | undefined, index?: number) => void)(target, key, index);
  };
}
