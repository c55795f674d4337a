import { OptionalNumberParameter, WholeNumberParameter } from '../http/fields.js';
import { MAX_PAGE_SIZE, MIN_PAGE_SIZE } from '../preferences/page-size.js';

const MAX_WAIT_SECONDS = 30;

/**
 * `from` has no default: over a network, a read that does not say where it stands cannot be repeated after a lost
 * answer without losing rows.
 */
export class ReadQuery {
  @WholeNumberParameter({ min: 0, max: Number.MAX_SAFE_INTEGER, description: 'The position to read from.' })
  from!: number;

  @OptionalNumberParameter({
    min: MIN_PAGE_SIZE,
    max: MAX_PAGE_SIZE,
    isWhole: true,
    description: 'How many rows at most; otherwise what the preferences say.',
  })
  max?: number;

  @OptionalNumberParameter({ min: 0, max: MAX_WAIT_SECONDS, description: 'Seconds to wait for the first new row.' })
  wait?: number;
}
