import {
  type ArgumentsHost,
  BadRequestException,
  Catch,
  type ExceptionFilter,
  type HttpException,
  NotFoundException,
  UnauthorizedException,
} from '@nestjs/common';
import type { Response } from 'express';

/**
 * Gives the application's own errors, and Nest's (no such route, a body that is no JSON), the same form as the
 * library's. It names the classes it is for: the errors of the library have a filter of their own.
 */
@Catch(BadRequestException, NotFoundException, UnauthorizedException)
export class ProblemFilter implements ExceptionFilter<HttpException> {
  catch(exception: HttpException, host: ArgumentsHost): void {
    const res = host.switchToHttp().getResponse<Response>();
    if (res.headersSent) return;
    res.setHeader('Cache-Control', 'no-store'); // A request can fail before it comes to the middleware that says so.
    res
      .status(exception.getStatus())
      .type('application/problem+json')
      .send(JSON.stringify(problemOf(exception)));
  }
}

function problemOf(exception: HttpException): object {
  const response = exception.getResponse();
  if (typeof response === 'object' && 'detail' in response) return response;
  const status = exception.getStatus();
  const title = status === 404 ? 'Not Found' : 'Bad Request';
  return { type: 'about:blank', title, status, detail: exception.message };
}
