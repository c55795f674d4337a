import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { describeError } from '../describe-error.js';
import { ActiveSessionError } from '../errors.js';
import { SafeLogger } from '../safe-logger.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from '../options.js';

/**
 * Makes the answer to an error of this library `application/problem+json` (RFC 9457). All else is as Nest does it. A
 * global, controller or method filter of the application comes before it.
 */
@Catch(ActiveSessionError)
export class ProblemFilter extends BaseExceptionFilter implements ExceptionFilter<ActiveSessionError> {
  private readonly logger = new SafeLogger();

  constructor(@Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions) {
    super();
  }

  override catch(error: ActiveSessionError, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    // A fault in the program: its message names the fix, and clients do not get it.
    if (error.getStatus() === 500) this.logger.error(error.message, describeError(error.cause ?? error).stack);
    const adapter = this.httpAdapterHost?.httpAdapter;
    const response = host.switchToHttp().getResponse<object>();
    if (adapter === undefined || adapter.isHeadersSent(response)) {
      super.catch(error, host);
      return;
    }
    const problem = error.getResponse() as { retryAfterSeconds?: number };
    if (problem.retryAfterSeconds !== undefined)
      adapter.setHeader(response, 'Retry-After', String(problem.retryAfterSeconds));
    if (!this.options.problemDetails) {
      super.catch(error, host);
      return;
    }
    adapter.setHeader(response, 'Content-Type', 'application/problem+json; charset=utf-8');
    // As a text: of an object Nest 11 would insist that it is application/json.
    adapter.reply(response, JSON.stringify(problem), error.getStatus());
  }
}
