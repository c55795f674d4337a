import { IDLE_MS, type Identity, type View } from './protocol.js';
import type { ReadRunner } from './read-runner.js';

/** For so long, in ms, a session may go on after its time: a second is promised, and both processes may be busy. */
export const LATE_MS = 3_000;

/** When something was asked, and when it was answered. */
export interface Span {
  readonly sentMs: number;
  readonly receivedMs: number;
}

export function identityOf({ id, stamp, generation }: Identity): string {
  return `${id} ${stamp} ${generation}`;
}

/** What a user knows of one of their tabs, which is of the active session behind it. */
export class Tab {
  runners: ReadRunner[] = [];
  /** Of sessions that have ended for sure. */
  readonly goneKeys: string[] = [];
  private identity: string | undefined;
  private readonly seen = new Set<string>();
  private profile: number | undefined;
  private fewestNotes = 0;
  private mostNotes = 0;
  /** Notes whose answers were lost: each has come, or not, or is still going to. */
  private lostNotes = 0;
  /** The latest use that is sure began then. */
  private surelyUsedMs = -Infinity;
  /** It may have been in use until then. */
  private lastUsedMs = -Infinity;

  constructor(readonly name: string) {}

  /** An answer has told which session it is. */
  meet(met: Identity, { sentMs, receivedMs }: Span): void {
    const identity = identityOf(met);
    if (identity === this.identity) {
      if (sentMs - this.lastUsedMs > IDLE_MS + LATE_MS) throw new Error(`The session ${identity} did not idle out`);
    } else {
      if (this.seen.has(identity)) throw new Error(`The session ${identity} had ended`);
      if (this.identity !== undefined && receivedMs - this.surelyUsedMs < IDLE_MS)
        throw new Error(`The session ${this.identity} has ended early: now it is ${identity}`);
      this.end();
      this.identity = identity;
      this.seen.add(identity);
      this.mostNotes = this.lostNotes;
    }
    this.surelyUsedMs = Math.max(this.surelyUsedMs, sentMs);
    this.maybeUsed(receivedMs);
  }

  /** An answer has told what is in the session. */
  see(view: View, span: Span, owner: string): void {
    this.meet(view, span);
    if (view.owner !== owner || view.profileOwner !== owner)
      throw new Error(`The desk of ${owner} has come to be of ${view.owner}, the profile of ${view.profileOwner}`);
    if ((this.profile ??= view.profile) !== view.profile)
      throw new Error(`Another profile in the same session: ${view.profile}, not ${this.profile}`);
    this.fewestNotes = this.checkNotes(view.notes);
  }

  /** @param before how many notes there were, in the session that {@link meet} knows */
  noteAdded(before: number): void {
    this.fewestNotes = this.checkNotes(before) + 1;
    this.mostNotes++;
  }

  /** Others come behind it. */
  noteGoingToBeAdded(): void {
    this.fewestNotes++;
    this.mostNotes++;
  }

  noteLost(): void {
    this.lostNotes++;
    this.mostNotes++;
  }

  maybeUsed(ms: number): void {
    this.lastUsedMs = Math.max(this.lastUsedMs, ms);
  }

  /** Its session has ended for sure. */
  end(): void {
    this.goneKeys.push(...this.runners.splice(0).map(({ key }) => key));
    this.identity = this.profile = undefined;
    this.fewestNotes = 0;
  }

  private checkNotes(notes: number): number {
    if (notes < this.fewestNotes || notes > this.mostNotes)
      throw new Error(`${notes} notes, not ${this.fewestNotes} to ${this.mostNotes}`);
    return notes;
  }
}
