import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { checkObject } from '../check-arguments.js';
import { describeError } from '../describe-error.js';
import { ClientGoneError } from '../errors.js';
import { IsolatedAbort } from '../isolated-abort.js';
import { SafeLogger } from '../safe-logger.js';
import { isWithheld } from './answer.js';

const logger = new SafeLogger();
const SIGNAL = Symbol('nestjs-active-session.request-signal');

/** What is used of the request and response of Express. */
interface RequestLike {
  [SIGNAL]?: AbortSignal;
  readonly res?: Closable & { readonly writableFinished: boolean };
  readonly socket?: Closable;
}
interface Closable {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

/**
 * A signal that aborts when the client has gone before it had its answer. Give it to reads that wait:
 * `runner.getRequired({ waitMs, signal })`. The same request gives the same signal.
 * Its reason is a ClientGoneError, so a handler may let the rejection of such a read go on: nothing is logged.
 * @param req a request of Express
 * @throws BadArgumentError for what is no object
 */
export function requestSignal(req: object): AbortSignal {
  checkObject('the request of requestSignal()', req);
  const request = req as RequestLike;
  return (request[SIGNAL] ??= signalOf(request));
}

/** Handler parameter: see {@link requestSignal}. */
export const RequestSignal = createParamDecorator((_data: undefined, context: ExecutionContext) =>
  requestSignal(context.switchToHttp().getRequest<object>()),
) as () => ParameterDecorator;

// Not within signalOf(): who keeps the signal, as a runner does, would keep the request.
const logFailure = (error: unknown): void => {
  const { text, stack } = describeError(error);
  logger.error(`A listener of requestSignal() has failed: ${text}`, stack);
};

function signalOf({ res, socket }: RequestLike): AbortSignal {
  const controller = new IsolatedAbort(logFailure);
  if (res === undefined) return controller.signal;
  // A response that waits behind another on its connection may never close: so the connection is watched, too.
  const onClose = (): void => {
    socket?.off('close', onClose);
    if (!res.writableFinished || isWithheld(res)) controller.abort(new ClientGoneError());
  };
  if (res.destroyed || isWithheld(res) || socket?.destroyed === true) onClose();
  else for (const closable of [res, socket]) closable?.once('close', onClose);
  return controller.signal;
}
