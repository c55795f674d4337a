import { disown } from '../is-thenable.js';
import type { SessionRequest } from '../options.js';
import { isGroupId, publicIdOf, type Hint } from '../session/identity.js';
import type { UnavailableReason } from '../session/unavailable.js';

/** What is used of express-session. */
interface UserSession {
  cookie?: { expires?: unknown };
  activeSession?: unknown;
  save?(callback: (error?: unknown) => void): void;
}

/** The one thing that is written to a user session. */
interface Stored {
  /** The last generation that was given out, of all suffixes. */
  n: number;
  /** The public id, where the user session has had another id before. */
  id?: string;
  /** Whose public id that is: what applications copy into another user session is not that one's. */
  of?: string;
}

/** Beyond this generations would not be whole numbers for long. */
const HIGHEST_HINT = 2 ** 52;

/**
 * The port to the user session of a request: express-session, or what the option `identify` names. It reads the
 * identity, and keeps a number there, and where a login has kept the active sessions, their public id.
 */
export class UserSessionPort {
  /** Whether express-session was seen at work: then a request without `req.session` is a matter of its store. */
  private isMounted: boolean;

  constructor(
    private readonly identify: ((req: SessionRequest) => string | undefined) | undefined,
    private readonly idSecret: string | undefined,
    isMountedByModule: boolean,
  ) {
    this.isMounted = isMountedByModule;
  }

  /** The id of the user session, a secret; or why there is none. */
  identityOf(req: SessionRequest): { id: string } | { missing: UnavailableReason } {
    if (this.identify !== undefined) {
      const id: unknown = this.identify(req);
      if (typeof id === 'string' && id !== '') return { id };
      disown(id);
      return { missing: 'not-identified' };
    }
    this.isMounted ||= req.sessionStore !== undefined;
    // An id without a user session is one that the store has not confirmed: express-session leaves it behind on errors.
    if (this.userSessionOf(req) === undefined)
      return { missing: this.isMounted ? 'user-session-missing' : 'no-user-session' };
    const id: unknown = req.sessionID;
    return typeof id === 'string' && id !== '' ? { id } : { missing: 'no-session-id' };
  }

  /** Whether only its owner can know the user session: the browser has sent its cookie back. */
  isConfirmed(req: SessionRequest, id: string): boolean {
    if (this.identify !== undefined) return true;
    const cookies = req.headers.cookie;
    return cookies !== undefined && (cookies.includes(id) || cookies.includes(encodeURIComponent(id)));
  }

  /** What the user session remembers. */
  hintOf(req: SessionRequest): Hint {
    const { n, id, of } = (this.userSessionOf(req)?.activeSession ?? {}) as Partial<Stored>;
    return {
      generation: typeof n === 'number' && Number.isInteger(n) && n > 0 && n < HIGHEST_HINT ? n : 0,
      groupId: isGroupId(id) && of === this.publicIdOf(req) ? id : undefined,
    };
  }

  /** How long it is going to last if it is not used again, in ms; `Infinity` where its cookie has no end. */
  leftMs(req: SessionRequest): number {
    if (this.identify !== undefined) return Infinity;
    const expires = this.userSessionOf(req)?.cookie?.expires;
    return expires instanceof Date ? Math.max(0, expires.getTime() - Date.now()) : Infinity;
  }

  /** Whether a new session could never be found again: the cookie of its user session cannot be sent any more. */
  isTooLate(req: SessionRequest, areHeadersSent: boolean): boolean {
    return this.identify === undefined && areHeadersSent && this.hintOf(req).generation === 0;
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
    if (generation <= known.generation) return undefined;
    this.write(req, userSession, { ...known, generation });
    if (known.generation > 0 || typeof userSession.save !== 'function') return undefined;
    return new Promise((resolve, reject) => {
      userSession.save?.((error) => {
        if (error === undefined || error === null) resolve();
        else reject(error instanceof Error ? error : new Error('The store failed', { cause: error }));
      });
    });
  }

  /** Writes what a user session is to remember; it is stored with all else, at the end of the response. */
  note(req: SessionRequest, hint: Hint): void {
    const userSession = this.userSessionOf(req);
    if (userSession !== undefined) this.write(req, userSession, hint);
  }

  /** The user session is going to be another one: what it remembers must not be copied there. */
  forget(req: SessionRequest): void {
    const userSession = this.userSessionOf(req);
    if (userSession !== undefined) delete userSession.activeSession;
  }

  private write(req: SessionRequest, userSession: UserSession, { generation, groupId }: Hint): void {
    const kept = groupId === undefined ? {} : { id: groupId, of: this.publicIdOf(req) };
    userSession.activeSession = { n: generation, ...kept } satisfies Stored;
  }

  private publicIdOf({ sessionID = '' }: SessionRequest): string {
    return publicIdOf(sessionID, this.idSecret);
  }

  private userSessionOf(req: SessionRequest): UserSession | undefined {
    return (req.session as UserSession | null | undefined) ?? undefined;
  }
}
