import { createHash, createHmac, randomBytes } from 'node:crypto';
import { SmallMap } from './small-map.js';

/** 132 bits: enough for a thousand million user sessions, and of fixed length, so that a suffix can follow. */
const ID_LENGTH = 22;
const GROUP_ID = /^[A-Za-z0-9_-]{22}$/;
const PURPOSE = 'nestjs-active-session\0';

/**
 * The public id of a user session: the same on every host and after a restart, and one-way. The id in the cookie is a
 * secret and never leaves the map in which groups are found.
 */
export function publicIdOf(userSessionId: string, secret: string | undefined): string {
  const hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  return hash.update(PURPOSE).update(userSessionId).digest('base64url').slice(0, ID_LENGTH);
}

/** What a user session remembers of its active sessions, beyond the process. */
export interface Hint {
  /** The last generation that was given out, of all suffixes; 0 where none is known. */
  readonly generation: number;
  /** The public id, where it is not the hash of the id that the user session has now. */
  readonly groupId: string | undefined;
}

/** Whether a value, read from anywhere, could be the public id of a user session. */
export function isGroupId(value: unknown): value is string {
  return typeof value === 'string' && GROUP_ID.test(value);
}

/** Splits the id of an active session into that of its group and its suffix. What is no text, as queries give it, is the id of none. */
export function splitSessionId(id: unknown): { groupId: string; suffix: string } {
  if (typeof id !== 'string') return { groupId: '', suffix: '' };
  return { groupId: id.slice(0, ID_LENGTH), suffix: id.slice(ID_LENGTH + 1) };
}

/** Gives each group object a stamp that no other has: a number in this process, behind random bits for the process. */
export class Stamps {
  private readonly nonce = randomBytes(8).toString('base64url');
  private serial = 0;

  /** The next number of this process. */
  next(): number {
    return this.serial++;
  }

  textOf(serial: number): string {
    return this.nonce + serial.toString(36);
  }
}

/** How many suffixes a group remembers the last generation of. */
const REMEMBERED = 64;

/** Counts the generations of each suffix of one group: they only grow. */
export class Generations extends SmallMap<number> {
  /** @param floor generations up to this one may have been used before this group was there */
  constructor(private floor: number) {
    super();
  }

  /** The highest generation that was given out. */
  get highest(): number {
    return Math.max(this.floor, ...this.values());
  }

  /** The next generation of `suffix`. `isUsed` tells which suffixes must be remembered. */
  next(suffix: string, isUsed: (suffix: string) => boolean): number {
    const generation = (this.get(suffix) ?? this.floor) + 1;
    this.delete(suffix);
    this.set(suffix, generation);
    if (this.size > REMEMBERED) this.forgetOne(isUsed);
    return generation;
  }

  private forgetOne(isUsed: (suffix: string) => boolean): void {
    for (const [suffix, count] of this) {
      if (isUsed(suffix)) continue;
      this.delete(suffix);
      this.floor = Math.max(this.floor, count);
      return;
    }
  }
}
