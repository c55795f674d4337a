import type { ServerResponse } from 'node:http';
import type { ActiveSessionError } from '../errors.js';

/** Headers that belong to the answer that does not go out. */
const OF_THE_BODY = ['Content-Encoding', 'Content-Disposition', 'Content-Range', 'ETag', 'Last-Modified'];

/**
 * Answers a request with an error while its handler is still at work, and lets nothing out that the handler says from
 * now on. A stream whose headers have gone out is cut off; an answer that is complete stays as it is.
 */
export function withholdAnswer(res: ServerResponse, error: ActiveSessionError): void {
  if (res.writableEnded) return;
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const body = JSON.stringify(error.getResponse());
  for (const name of OF_THE_BODY) res.removeHeader(name);
  res.statusCode = error.getStatus();
  res.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.setHeader('Cache-Control', 'no-store');
  // Now, as middleware may put the end off to a later turn.
  res.flushHeaders();
  res.end(body);
  const ignore = (): ServerResponse => res;
  // The handler does not know of it: what it still does must not fail, and must not arrive.
  Object.assign(res, {
    setHeader: ignore,
    setHeaders: ignore,
    appendHeader: ignore,
    removeHeader: ignore,
    flushHeaders: ignore,
    writeHead: ignore,
    write: () => true,
    end: ignore,
  });
}
