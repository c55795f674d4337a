import { OptionalNumberParameter, WholeNumberParameter } from './fields.js';

const MAX_WAIT_SECONDS = 30;

/**
 * `from` has no default: over a network, a read that does not say where it stands cannot be repeated after a lost
 * answer without losing what it held.
 */
export class PositionQuery {
  @WholeNumberParameter({ min: 0, max: Number.MAX_SAFE_INTEGER, description: 'The position to read from.' })
  from!: number;

  @OptionalNumberParameter({ min: 0, max: MAX_WAIT_SECONDS, description: 'Seconds to wait for something new.' })
  wait?: number;
}
