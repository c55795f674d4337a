import { channel, type Channel } from 'node:diagnostics_channel';
import { Subject, type Observable } from 'rxjs';
import { isolateSubscribers } from '../isolated-observable.js';

/** The channels of `node:diagnostics_channel` that tell the same as `events$` of the two registries. */
export const SESSION_CHANNEL = 'nestjs-active-session:session';
export const GROUP_CHANNEL = 'nestjs-active-session:group';

/** Tells what happens, to subscribers of `events$` and of a diagnostics channel. Without any it costs nothing. */
export class EventStream<E> {
  readonly events$: Observable<E>;
  private readonly subject = new Subject<E>();
  private readonly channel: Channel;

  constructor(
    channelName: string,
    /** Subscribers run outside of any request and session. */
    private readonly runClean: (fn: () => void) => void,
    /** Told what subscribers of `events$` throw. */
    onError: (error: unknown) => void,
  ) {
    this.channel = channel(channelName);
    this.events$ = isolateSubscribers(this.subject, onError);
  }

  emit(event: E): void {
    if (this.channel.hasSubscribers) this.runClean(() => this.channel.publish(event));
    if (this.subject.observed) this.runClean(() => this.subject.next(event));
  }

  complete(): void {
    this.subject.complete();
  }
}
