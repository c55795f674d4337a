import type { SessionEndReason } from '../errors.js';
import type { SessionModuleRef } from '../scope/session-module-ref.js';
import type { SessionProperties } from './session-properties.js';

/** What the clean-up of a session, or group, did. */
export interface CleanupReport {
  reason: SessionEndReason;
  /** The clean-up has begun and waits for the caller: `terminate()` was called by a runner or a hook of the session. */
  pending?: true;
  /** How many instances and ownerships were disposed of. */
  disposed: number;
  /** What threw, or rejected. */
  failed: { what: string; error: unknown }[];
  /** What was called, and was not waited for any longer. */
  timedOut: string[];
  /** Runners that had not stopped. */
  leftBehind: string[];
  durationMs: number;
}

/** What `takeOwnership()` accepts. */
export type Owned = Disposable | AsyncDisposable | { dispose(): unknown } | (() => unknown);

/** An object that a session disposes of. */
export interface Ownership extends AsyncDisposable {
  /** Disposes of it now. It happens once, whatever the order. */
  dispose(): Promise<void>;
  /** Lets go of it without disposing. */
  release(): void;
}

/** What an active session and a group have in common. */
export abstract class LocalSession {
  /** Stable for a user session, also after a restart. It is a pseudonym for logs and no secret. */
  abstract readonly id: string;
  /** False from the start of its end on; then most members throw. Looking at it creates nothing. */
  abstract readonly isAvailable: boolean;
  abstract readonly endReason: SessionEndReason | undefined;
  abstract readonly properties: SessionProperties;
  /** Its child injector. */
  abstract readonly services: SessionModuleRef;
  /** Aborts at the start of the clean-up; its reason is a SessionEndedError. An error of one listener is logged. */
  abstract readonly completionSignal: AbortSignal;
  /** Resolves when the clean-up is done; never rejects. */
  abstract readonly cleanupCompletion: Promise<CleanupReport>;

  /**
   * Ends it. When the call returns it is not available any more, its signal has aborted, and its runners have been told.
   * @returns resolves with the report of the clean-up; at once, with `pending: true`, to its own runners and hooks. Never rejects.
   */
  abstract terminate(): Promise<CleanupReport>;

  /** Has an object disposed of at the end, after the scoped instances; at once where the end has begun. */
  abstract takeOwnership(owned: Owned): Ownership;
}
