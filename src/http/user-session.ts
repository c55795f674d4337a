import type { SessionRequest } from '../options.js';
import type { UnavailableReason } from '../session/unavailable.js';

/** What is used of express-session. */
interface UserSession {
  cookie?: { expires?: unknown };
  activeSession?: unknown;
  save?(callback: (error?: unknown) => void): void;
}

/** The one thing that is written to a user session: the last generation that was given out, of all suffixes. */
interface Hint {
  n: number;
}

/**
 * The port to the user session of a request: express-session, or what the option `identify` names. It reads the
 * identity, and keeps one number there.
 */
export class UserSessionPort {
  constructor(private readonly identify: ((req: SessionRequest) => string | undefined) | undefined) {}

  /** The id of the user session, a secret; or why there is none. */
  identityOf(req: SessionRequest): { id: string } | { missing: UnavailableReason } {
    const id: unknown = this.identify === undefined ? req.sessionID : this.identify(req);
    if (typeof id === 'string' && id !== '') return { id };
    if (this.identify !== undefined) return { missing: 'not-identified' };
    return { missing: this.userSessionOf(req) === undefined ? 'no-user-session' : 'no-session-id' };
  }

  /** Whether only its owner can know the user session: the browser has sent its cookie back. */
  isConfirmed(req: SessionRequest, id: string): boolean {
    if (this.identify !== undefined) return true;
    const cookies = req.headers.cookie;
    return cookies !== undefined && (cookies.includes(id) || cookies.includes(encodeURIComponent(id)));
  }

  /** The last generation that the user session remembers; 0 where it remembers none. */
  hintOf(req: SessionRequest): number {
    const { n } = (this.userSessionOf(req)?.activeSession ?? {}) as Partial<Hint>;
    return typeof n === 'number' && Number.isSafeInteger(n) && n > 0 ? n : 0;
  }

  /** How long it is going to last if it is not used again, in ms; `Infinity` where its cookie has no end. */
  leftMs(req: SessionRequest): number {
    if (this.identify !== undefined) return Infinity;
    const expires = this.userSessionOf(req)?.cookie?.expires;
    return expires instanceof Date ? Math.max(0, expires.getTime() - Date.now()) : Infinity;
  }

  /** Whether a new session could never be found again: the cookie of its user session cannot be sent any more. */
  isTooLate(req: SessionRequest, areHeadersSent: boolean): boolean {
    return this.identify === undefined && areHeadersSent && this.hintOf(req) === 0;
  }

  /**
   * Remembers a generation. The first time the user session is saved at once: express-session would do that only at the
   * end of the response, and meanwhile nobody else would find it.
   * @returns resolves when it is saved, rejects when the store fails; undefined where nothing must be saved now
   */
  remember(req: SessionRequest, generation: number): Promise<void> | undefined {
    const userSession = this.userSessionOf(req);
    if (this.identify !== undefined || userSession === undefined) return undefined;
    const known = this.hintOf(req);
    if (generation <= known) return undefined;
    userSession.activeSession = { n: generation } satisfies Hint;
    if (known > 0 || typeof userSession.save !== 'function') return undefined;
    return new Promise((resolve, reject) => {
      userSession.save?.((error) => {
        if (error === undefined || error === null) resolve();
        else reject(error instanceof Error ? error : new Error('The store failed', { cause: error }));
      });
    });
  }

  private userSessionOf(req: SessionRequest): UserSession | undefined {
    return (req.session as UserSession | null | undefined) ?? undefined;
  }
}
