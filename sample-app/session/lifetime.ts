import { idleTimeoutFromEnvironment } from '../settings.js';

/** How long sessions live: the module is configured with it, and the Home page shows it. */
export const LIFETIME = {
  idleTimeoutMs: idleTimeoutFromEnvironment(),
  maxLifetimeMs: 8 * 60 * 60_000,
};
