import { OptionalNumberParameter, WholeNumberParameter } from '../http/fields.js';

const MAX_WAIT_SECONDS = 30;

export class SeriesQuery {
  @WholeNumberParameter({ min: 0, max: Number.MAX_SAFE_INTEGER, description: 'The position to read from.' })
  from!: number;

  @OptionalNumberParameter({ min: 0, max: MAX_WAIT_SECONDS, description: 'Seconds to wait for a new measurement.' })
  wait?: number;
}
