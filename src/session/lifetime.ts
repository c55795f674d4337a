import type { Expirable } from '../expiry.js';
import type { SessionEnvironment } from './environment.js';

/** Without its cookie having come back, and without work, a session is kept for so long. */
const UNCONFIRMED_IDLE_MS = 2 * 60_000;

/** Why a session expires. */
export type ExpiryReason = 'idle' | 'max-lifetime' | 'user-session-ended';

/** `warned`: its end by idle time was announced; `retired`: its lifetime is over while requests use it. */
type Stage = 'new' | 'warned' | 'retired' | 'over';

/** The session whose time this is. */
export interface Mortal {
  readonly environment: SessionEnvironment;
  readonly isConfirmed: boolean;
  readonly hasUnfinishedRunners: boolean;
  /** It is going to idle out soon. */
  onExpiring(): void;
  /** Its lifetime is over while requests use it. */
  onRetired(): void;
  onExpired(reason: ExpiryReason): void;
}

/**
 * The time of one session: since when it is idle, who uses it, and when it is due. Idle time counts from the last use;
 * requests stop it, but not the maximum lifetime. The earliest of three ends it: idle time, the end of the user session,
 * maximum lifetime.
 */
export class Lifetime implements Expirable {
  expiryBucket: number | undefined;
  private readonly createdMs: number;
  private lastUseMs: number;
  /** Undefined: it has no end, or that is not known. */
  private userSessionEndMs: number | undefined;
  private pins = 0;
  private stage: Stage = 'new';

  constructor(readonly mortal: Mortal) {
    this.createdMs = this.lastUseMs = mortal.environment.options.clock.now();
  }

  get isPinned(): boolean {
    return this.pins > 0;
  }

  /** When it was last used, in ms of the clock; `Infinity` while it is in use. */
  get idleSinceMs(): number {
    return this.isPinned ? Infinity : this.lastUseMs;
  }

  start(): void {
    this.mortal.environment.expiry.schedule(this);
  }

  /** The end has begun, for whatever reason. */
  stop(): void {
    this.stage = 'over';
    this.mortal.environment.expiry.remove(this);
  }

  touch(): void {
    this.lastUseMs = this.mortal.environment.options.clock.now();
    if (this.stage === 'warned') this.stage = 'new';
  }

  pin(): void {
    this.pins++;
  }

  /** @param userSessionLeftMs how long the user session is going to last if it is not used again */
  unpin(userSessionLeftMs: number): void {
    this.pins--;
    this.touch();
    this.userSessionEndMs = userSessionLeftMs === Infinity ? undefined : this.lastUseMs + userSessionLeftMs;
    if (this.isPinned || this.stage === 'over') return;
    if (this.stage === 'retired') this.mortal.onExpired('max-lifetime');
    else this.start();
  }

  dueAt(nowMs: number): number {
    const { maxLifetimeMs, cleanupTimeoutMs } = this.mortal.environment.options;
    if (this.stage === 'retired') return this.createdMs + maxLifetimeMs + cleanupTimeoutMs;
    const oldMs = this.createdMs + maxLifetimeMs;
    return this.isPinned ? oldMs : Math.min(this.warnAtMs(nowMs), this.userSessionEndMs ?? Infinity, oldMs);
  }

  expire(): void {
    const { clock, maxLifetimeMs } = this.mortal.environment.options;
    const now = clock.now();
    if (now >= this.createdMs + maxLifetimeMs) this.expireOfAge();
    else if (now >= (this.userSessionEndMs ?? Infinity)) this.mortal.onExpired('user-session-ended');
    else if (now >= this.idleAtMs(now)) this.mortal.onExpired('idle');
    else {
      this.stage = 'warned';
      this.start();
      this.mortal.onExpiring();
    }
  }

  private expireOfAge(): void {
    if (!this.isPinned || this.stage === 'retired') {
      this.mortal.onExpired('max-lifetime');
      return;
    }
    this.stage = 'retired';
    this.start();
    this.mortal.onRetired();
  }

  private warnAtMs(nowMs: number): number {
    const { expiryWarningMs } = this.mortal.environment.options;
    const idleAtMs = this.idleAtMs(nowMs);
    return this.stage === 'warned' ? idleAtMs : Math.max(this.lastUseMs, idleAtMs - expiryWarningMs);
  }

  private idleAtMs(nowMs: number): number {
    const dueMs = this.lastUseMs + this.mortal.environment.options.idleTimeoutMs;
    if (this.mortal.isConfirmed) return dueMs;
    // Its work may be over at any time: then this is asked again, and by then at the latest.
    const sinceMs = this.mortal.hasUnfinishedRunners ? nowMs : this.lastUseMs;
    return Math.min(dueMs, sinceMs + UNCONFIRMED_IDLE_MS);
  }
}
