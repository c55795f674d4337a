import session, { type SessionData } from 'express-session';

type Callback<T = void> = (error?: unknown, value?: T | null) => void;

/** User sessions in memory, as JSON. It can forget all of them, which tells nobody, as when a database removes old ones. */
export class ForgetfulStore extends session.Store {
  private readonly blobs = new Map<string, string>();

  override get(sid: string, callback: Callback<SessionData>): void {
    const blob = this.blobs.get(sid);
    setImmediate(callback, undefined, blob === undefined ? null : (JSON.parse(blob) as SessionData));
  }

  override set(sid: string, data: SessionData, callback?: Callback): void {
    this.blobs.set(sid, JSON.stringify(data));
    if (callback !== undefined) setImmediate(callback);
  }

  override destroy(sid: string, callback?: Callback): void {
    this.blobs.delete(sid);
    if (callback !== undefined) setImmediate(callback);
  }

  forget(): void {
    this.blobs.clear();
  }
}
