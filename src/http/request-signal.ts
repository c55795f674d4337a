import { createParamDecorator, type ExecutionContext } from '@nestjs/common';

import { ClientGoneError } from '../errors.js';

const SIGNAL = Symbol('nestjs-active-session.request-signal');

/** What is used of the request and response of Express. */
interface RequestLike {
  [SIGNAL]?: AbortSignal;
  res?: ResponseLike;
}
interface ResponseLike {
  readonly writableFinished: boolean;
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
}

/**
 * A signal that aborts when the client has gone before it had its answer. Give it to reads that wait:
 * `runner.getRequired({ waitMs, signal })`. The same request gives the same signal.
 * Its reason is a ClientGoneError, so a handler may let the rejection of such a read go on: nothing is logged.
 * @param req a request of Express
 */
export function requestSignal(req: object): AbortSignal {
  const request = req as RequestLike;
  return (request[SIGNAL] ??= signalOf(request.res));
}

/** Handler parameter: see {@link requestSignal}. */
export const RequestSignal = createParamDecorator((_data: undefined, context: ExecutionContext) =>
  requestSignal(context.switchToHttp().getRequest<object>()),
) as () => ParameterDecorator;

function signalOf(res: ResponseLike | undefined): AbortSignal {
  const controller = new AbortController();
  if (res === undefined) return controller.signal;
  const check = (): void => {
    if (!res.writableFinished) controller.abort(new ClientGoneError());
  };
  if (res.destroyed) check();
  else res.once('close', check);
  return controller.signal;
}
