import { Catch, Inject, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { ActiveSessionError } from '../errors.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from '../options.js';

/** What is used of a response. */
interface ResponseLike {
  headersSent?: boolean;
  setHeader?(name: string, value: string): unknown;
}

/**
 * Makes the answer to an error of this library `application/problem+json` (RFC 9457). All else is as Nest does it. A
 * global, controller or method filter of the application comes before it.
 */
@Catch(ActiveSessionError)
export class ProblemFilter extends BaseExceptionFilter implements ExceptionFilter<ActiveSessionError> {
  private readonly logger = new Logger('ActiveSession');

  constructor(@Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions) {
    super();
  }

  override catch(error: ActiveSessionError, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    // A fault in the program: its message names the fix, and clients do not get it.
    if (error.getStatus() === 500) this.logger.error(error.message, error.stack);
    if (this.options.problemDetails) describe(error, host.switchToHttp().getResponse<ResponseLike>());
    super.catch(error, host);
  }
}

function describe(error: ActiveSessionError, response: ResponseLike): void {
  if (response.headersSent === true || typeof response.setHeader !== 'function') return;
  response.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
  const { retryAfterSeconds } = error.getResponse() as { retryAfterSeconds?: number };
  if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(retryAfterSeconds));
}
