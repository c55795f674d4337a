import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';
import type { ActiveSessionError } from '../errors.js';

/** On a response whose handler has not the say any more. */
const WITHHELD = Symbol('nestjs-active-session.withheld');
/** Other headers of the handler belong to the answer that does not go out. */
const KEPT_HEADERS = /^(?:access-control-.*|vary)$/;

type AnyFunction = (...args: unknown[]) => unknown;

/** Whether the handler's answer goes nowhere: to the handler its client has gone. */
export function isWithheld(res: object): boolean {
  return WITHHELD in res;
}

/** The answer to one request, which can be taken out of its handler's hands. Make it in the context of the request. */
export class Answer {
  /** What other middleware does at the end of an answer belongs to its request, whoever withholds it. */
  private readonly enterContext: <R>(fn: () => R) => R = AsyncLocalStorage.snapshot();
  private hasBegun = false;
  private isComplete = false;

  constructor(private readonly res: ServerResponse) {
    // Others may hold back what is written, so the response itself does not tell.
    const { write, end } = res as unknown as Record<'write' | 'end', AnyFunction>;
    Object.assign(res, {
      write: (...args: unknown[]): unknown => {
        this.hasBegun = true;
        return write.apply(res, args);
      },
      end: (...args: unknown[]): unknown => {
        this.complete();
        return end.apply(res, args);
      },
    });
  }

  /** The handler has said all, though the end of its answer may still wait for something. */
  complete(): void {
    this.isComplete = true;
  }

  /**
   * Answers with an error, and lets nothing out that the handler says from now on. A stream that has begun is cut off; an
   * answer that is complete stays as it is. What goes wrong here goes to `onError`, and the connection is cut.
   */
  withhold(error: ActiveSessionError, onError: (error: unknown) => void): void {
    if (this.isComplete) return;
    this.enterContext(() => {
      try {
        this.takeOver(error);
      } catch (failure) {
        onError(failure);
        this.res.destroy();
      }
    });
  }

  private takeOver(error: ActiveSessionError): void {
    const { res } = this;
    Object.defineProperty(res, WITHHELD, { value: true });
    // The handler may have kept methods of its own.
    res.on('error', () => undefined);
    if (this.hasBegun || res.headersSent) {
      res.destroy();
      return;
    }
    for (const name of res.getHeaderNames()) if (!KEPT_HEADERS.test(name)) res.removeHeader(name);
    res.statusCode = error.getStatus();
    res.statusMessage = '';
    res.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
    res.setHeader('Cache-Control', 'no-store');
    // To the handler it is then as if the client had gone.
    res.setHeader('Connection', 'close');
    // Now, as middleware may put the end off to a later turn.
    res.flushHeaders();
    res.end(JSON.stringify(error.getResponse()));
    this.ignoreHandler();
  }

  /** The handler does not know of it: what it still does must not fail, must not arrive, and must not wait for ever. */
  private ignoreHandler(): void {
    const { res } = this;
    const ignore = (): ServerResponse => res;
    const refuse =
      <T>(result: T) =>
      (...args: unknown[]): T => {
        const callback = args.at(-1);
        if (typeof callback === 'function') setImmediate(callback as AnyFunction, new Error('The client has gone'));
        return result;
      };
    Object.assign(res, {
      setHeader: ignore,
      setHeaders: ignore,
      appendHeader: ignore,
      removeHeader: ignore,
      flushHeaders: ignore,
      writeHead: ignore,
      write: refuse(false),
      end: refuse(res),
    });
  }
}
