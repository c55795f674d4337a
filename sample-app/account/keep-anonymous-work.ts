import type { SessionRequest } from 'nestjs-active-session';

/**
 * What an anonymous visitor had is theirs after the login. What a user had is nobody else's: it ends at the logout, and
 * where somebody else logs in over it.
 */
export function keepAnonymousWork({ user, session }: SessionRequest): 'keep' | 'end' {
  const before = (session as { passport?: { user?: string } }).passport?.user;
  return user && before === undefined ? 'keep' : 'end';
}
