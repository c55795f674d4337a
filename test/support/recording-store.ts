import { expect } from '@jest/globals';
import type { Request } from 'express';
import session, { type SessionData } from 'express-session';

type Callback<T = void> = (error?: unknown, value?: T | null) => void;

/** A store of express-session that keeps JSON, as a database does. Applications that come one after another can share it. */
export class RecordingStore extends session.Store {
  /** By session id. */
  readonly blobs = new Map<string, string>();
  /** The calls since the start: `get`, `set`, `touch`, `destroy`. */
  readonly calls: string[] = [];
  /** Calls of this name fail with the error. */
  readonly failures: { get?: Error; set?: Error; destroy?: Error } = {};
  /** What each call waits for before it does its work. */
  beforeGet: Promise<void> | undefined;
  beforeSet: Promise<void> | undefined;
  beforeDestroy: Promise<void> | undefined;
  beforeTouch: Promise<void> | undefined;

  override get(sid: string, callback: Callback<SessionData>): void {
    this.calls.push('get');
    const answer = (): void => {
      const blob = this.blobs.get(sid);
      callback(this.failures.get, blob === undefined ? null : (JSON.parse(blob) as SessionData));
    };
    if (this.beforeGet === undefined) setImmediate(answer);
    else void this.beforeGet.then(answer);
  }

  override set(sid: string, data: SessionData, callback?: Callback): void {
    this.calls.push('set');
    const blob = JSON.stringify(data);
    const write = (): void => {
      if (this.failures.set === undefined) this.blobs.set(sid, blob);
      callback?.(this.failures.set);
    };
    if (this.beforeSet === undefined) setImmediate(write);
    else void this.beforeSet.then(write);
  }

  override touch(_sid: string, _data: SessionData, callback?: Callback): void {
    this.calls.push('touch');
    if (this.beforeTouch === undefined) setImmediate(() => callback?.());
    else void this.beforeTouch.then(() => callback?.());
  }

  override destroy(sid: string, callback?: Callback): void {
    this.calls.push('destroy');
    // As databases do, which bind what they are given.
    if (typeof sid !== 'string') throw new TypeError('There is no user session without an id');
    const remove = (): void => {
      if (this.failures.destroy === undefined) this.blobs.delete(sid);
      callback?.(this.failures.destroy);
    };
    if (this.beforeDestroy === undefined) setImmediate(remove);
    else void this.beforeDestroy.then(remove);
  }

  override clear(callback?: Callback): void {
    this.calls.push('clear');
    this.blobs.clear();
    setImmediate(() => callback?.());
  }

  /** What is stored of the only user session. */
  get only(): Record<string, unknown> {
    expect(this.blobs.size).toBe(1);
    return JSON.parse([...this.blobs.values()][0] ?? '') as Record<string, unknown>;
  }

  count(call: string): number {
    return this.calls.filter((made) => made === call).length;
  }
}

/** One that changes ids in its own way, and not by `destroy`. */
export class ChangingStore extends RecordingStore {
  override regenerate(req: Request, callback: (error?: unknown) => void): void {
    this.blobs.delete(req.sessionID);
    // express-session puts it on each store.
    (this as unknown as { generate(req: Request): void }).generate(req);
    callback();
  }
}
