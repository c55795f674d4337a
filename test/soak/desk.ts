import { Injectable } from '@nestjs/common';
import { GroupScoped, SessionScoped, type OnSessionEnd } from 'nestjs-active-session';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** What is open of everything that must be closed. */
@Injectable()
export class Opened {
  readonly counts: Record<string, number> = {};

  /** @returns what counts it as closed */
  open(what: string): () => void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
    return () => {
      this.counts[what]!--;
    };
  }
}

let profiles = 0;

@GroupScoped()
export class Profile {
  readonly number = ++profiles;
  owner: string | undefined;
  private readonly close: () => void;

  constructor(opened: Opened) {
    this.close = opened.open('profiles');
  }

  async onModuleDestroy(): Promise<void> {
    await nextTurn();
    this.close();
  }
}

/** What one tab of a user works at. */
@SessionScoped()
export class Desk implements OnSessionEnd {
  owner: string | undefined;
  private noteCount = 0;
  private readonly close: () => void;

  constructor(
    readonly profile: Profile,
    opened: Opened,
  ) {
    this.close = opened.open('desks');
  }

  /** Whoever comes first has it. */
  take(user: string): void {
    this.owner ??= user;
    this.profile.owner ??= user;
  }

  get notes(): number {
    return this.noteCount;
  }

  /** In two steps: without its lock some get lost. @returns how many there were before */
  async add(): Promise<number> {
    const before = this.noteCount;
    await nextTurn();
    this.noteCount = before + 1;
    return before;
  }

  async onSessionEnd(): Promise<void> {
    await nextTurn();
    this.close();
  }
}
