import type { Logger } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import type { Expiry } from '../expiry.js';
import type { ResolvedOptions } from '../options.js';
import type { SessionContext } from '../scope/context.js';

/** What all sessions and groups of one application share. */
export interface SessionEnvironment {
  readonly options: ResolvedOptions;
  readonly context: SessionContext;
  readonly expiry: Expiry;
  readonly moduleRef: ModuleRef;
  readonly logger: Logger;
}

/** The token of the {@link SessionEnvironment}. */
export const SESSION_ENVIRONMENT = Symbol('nestjs-active-session.environment');
