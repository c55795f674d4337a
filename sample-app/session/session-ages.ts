import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type ActiveSession, ActiveSessionRegistry } from 'nestjs-active-session';

/** Remembers when each session was made, for as long as there is the session. */
@Injectable()
export class SessionAges implements OnModuleInit {
  private readonly madeAt = new WeakMap<ActiveSession, number>();

  constructor(private readonly registry: ActiveSessionRegistry) {}

  onModuleInit(): void {
    this.registry.events$.subscribe(({ type, session }) => {
      if (type === 'created') this.madeAt.set(session, performance.now());
    });
  }

  ageMsOf(session: ActiveSession): number {
    const now = performance.now();
    return Math.round(now - (this.madeAt.get(session) ?? now));
  }
}
