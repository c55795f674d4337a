import { BadArgumentError } from '../errors.js';
import { isThenable } from '../is-thenable.js';
import type { HookRunner } from '../scope/end-hooks.js';
import type { Owned, Ownership } from './local-session.js';

/** The objects that one session, or group, owns. */
export class Ownerships {
  private readonly entries = new Set<Entry>();

  get size(): number {
    return this.entries.size;
  }

  add(owned: Owned): Ownership {
    const entry = new Entry(disposerOf(owned), () => this.entries.delete(entry));
    this.entries.add(entry);
    return entry;
  }

  /** Disposes of all, last added first. */
  async disposeAll(run: HookRunner): Promise<void> {
    for (const entry of [...this.entries].reverse())
      if (this.entries.has(entry)) await run('takeOwnership()', () => entry.end());
  }
}

class Entry implements Ownership {
  private disposal: Promise<void> | undefined;

  constructor(
    private disposer: (() => unknown) | undefined,
    private readonly leave: () => void,
  ) {}

  dispose(): Promise<void> {
    return (this.disposal ??= this.disposeOnce());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  release(): void {
    this.disposer = undefined;
    this.leave();
  }

  /** Disposes of it. @returns a promise only where there is something to wait for: what is synchronous is never late */
  end(): Promise<void> | undefined {
    const { disposer } = this;
    this.release();
    const result = disposer?.();
    return isThenable(result) ? (this.disposal = Promise.resolve(result).then(() => undefined)) : undefined;
  }

  private async disposeOnce(): Promise<void> {
    await this.end();
  }
}

/** @throws BadArgumentError that says what can be owned */
export function disposerOf(owned: Owned): () => unknown {
  if (typeof owned === 'function') return owned;
  const {
    [Symbol.asyncDispose]: disposeAsync,
    [Symbol.dispose]: disposeSync,
    dispose,
  } = (owned ?? {}) as Partial<AsyncDisposable & Disposable & { dispose(): unknown }>;
  const disposer = disposeAsync ?? disposeSync ?? dispose;
  if (typeof disposer !== 'function')
    throw new BadArgumentError(
      'takeOwnership() takes a Disposable, an AsyncDisposable, an object with dispose(), or a function',
    );
  return () => disposer.call(owned);
}
