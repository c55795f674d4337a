import type { IncomingMessage } from 'node:http';

/** The two active sessions that one user can have here, side by side. */
export type SessionName = 'a' | 'b';

/** Pages name it in their address, as `?session=b`; their requests in a header. */
export function sessionNameOf({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>): SessionName {
  const query = new URLSearchParams(url.split('?')[1]);
  return headers['x-session'] === 'b' || query.get('session') === 'b' ? 'b' : 'a';
}
