import { checkObject } from '../check-arguments.js';
import { BadRunnerKeyError } from '../errors.js';

/** What a key is compared with: an active session. */
export interface RunnerKeyOwner {
  readonly id: string;
  readonly generation: number;
  readonly stamp: string;
}

const LONGEST_KEY = 200;
const KEY = /^(0|[1-9][0-9]{0,15})-([1-9][0-9]{0,15})-([A-Za-z0-9_-]+)~([A-Za-z0-9_-]+)$/;

/**
 * Names a runner for the browser. Its text is URL-safe, and only the session that made the runner honours it: the stamp
 * is unique to one group object of one process, so a key never fits another session, not even after a restart.
 */
export class RunnerKey {
  constructor(
    readonly number: number,
    readonly generation: number,
    readonly sessionId: string,
    readonly stamp: string,
  ) {}

  /** The key of runner `number` of a session. */
  static of(number: number, owner: RunnerKeyOwner): RunnerKey {
    checkObject('the owner of a runner key', owner);
    return new RunnerKey(number, owner.generation, owner.id, owner.stamp);
  }

  /** @throws BadRunnerKeyError */
  static parse(text: string): RunnerKey {
    const key = RunnerKey.tryParse(text);
    if (key === undefined) throw new BadRunnerKeyError();
    return key;
  }

  static tryParse(text: unknown): RunnerKey | undefined {
    if (typeof text !== 'string' || text.length > LONGEST_KEY) return undefined;
    const [, number, generation, sessionId, stamp] = KEY.exec(text) ?? [];
    if (sessionId === undefined || stamp === undefined) return undefined;
    const parsed = new RunnerKey(Number(number), Number(generation), sessionId, stamp);
    return Number.isSafeInteger(parsed.number) && Number.isSafeInteger(parsed.generation) ? parsed : undefined;
  }

  /** Whether this is a key of that session, whatever the runner's number. */
  isFor(session: RunnerKeyOwner): boolean {
    checkObject('the session of a runner key', session);
    return this.generation === session.generation && this.stamp === session.stamp && this.sessionId === session.id;
  }

  /** `{number}-{generation}-{sessionId}~{stamp}` */
  toString(): string {
    return `${this.number}-${this.generation}-${this.sessionId}~${this.stamp}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** Names a runner in logs. */
export interface RunnerId {
  readonly sessionId: string;
  readonly generation: number;
  readonly number: number;
}
