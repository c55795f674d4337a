import type { Logger } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import type { Expiry } from '../expiry.js';
import type { ResolvedOptions } from '../options.js';
import type { ScopeHost } from '../scope/scope-host.js';
import type { TimeLimit } from '../time-limit.js';

/** What all sessions and groups of one application share. */
export interface SessionEnvironment {
  readonly options: ResolvedOptions;
  readonly scopeHost: ScopeHost;
  readonly expiry: Expiry;
  /** How long a clean-up may take. */
  readonly cleanupLimit: TimeLimit;
  /** How long a request may wait for its user session. */
  readonly userSessionLimit: TimeLimit;
  readonly moduleRef: ModuleRef;
  readonly logger: Logger;
}

/** The token of the {@link SessionEnvironment}. */
export const SESSION_ENVIRONMENT = Symbol('nestjs-active-session.environment');
