import type { SessionRequest, SessionRuleObject } from '../options.js';
import { BadArgumentError } from '../errors.js';

/** Where a tab says which one it is: at least one of the two. */
export interface SessionPerTabOptions {
  /** A request header, for example `x-tab-id`. */
  header?: string;
  /** A query parameter, for links and event sources, which cannot set headers. The header comes first. */
  query?: string;
  /** Only for these requests: see {@link SessionRuleObject.path}. */
  path?: string | RegExp;
}

/**
 * A rule that gives each browser tab an active session of its own. The page makes up an id for its tab
 * (`sessionStorage` keeps it over reloads) and sends it along; a request without one is in the session without suffix.
 *
 * A client can make up as many tabs as it likes: `limits.sessionsPerGroup` bounds what that costs.
 * @throws TypeError when neither `header` nor `query` is given, and where one is no text; a request with a bad id is answered 400
 * @example
 * ```ts
 * ActiveSessionModule.forRoot({ sessions: sessionPerTab({ header: 'x-tab-id', query: 'tab' }) })
 * ```
 */
export function sessionPerTab(options: SessionPerTabOptions): SessionRuleObject {
  const { header, query, path } = (options as SessionPerTabOptions | null | undefined) ?? {};
  const isName = (name: unknown): boolean => name === undefined || (typeof name === 'string' && name !== '');
  if ((header === undefined && query === undefined) || !isName(header) || !isName(query))
    throw new TypeError(
      'sessionPerTab() needs to know where the id of the tab is: { header } or { query }, each a text',
    );
  const name = header?.toLowerCase();
  return {
    ...(path !== undefined && { path }),
    suffix: (req) => {
      const fromHeader = name === undefined ? undefined : req.headers[name];
      return textOf(fromHeader ?? (query === undefined ? undefined : queryOf(req, query)));
    },
  };
}

/** The parameter as the client sent it, whichever parser the application uses; repeated, it is refused as a bad id. */
function queryOf(req: SessionRequest, name: string): string | string[] | undefined {
  const url = req.originalUrl ?? req.url ?? '';
  const start = url.indexOf('?');
  if (start < 0) return undefined;
  const values = new URLSearchParams(url.slice(start)).getAll(name);
  return values.length > 1 ? values : values[0];
}

function textOf(id: string | string[] | undefined): string | undefined {
  if (Array.isArray(id)) throw new BadArgumentError('The id of the tab was sent more than once');
  return id;
}
