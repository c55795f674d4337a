import { OptionalNumberParameter, WholeNumberParameter } from '../http/fields.js';

const MAX_WAIT_SECONDS = 30;
const MAX_ADVANCE = 1_000_000;

/** A wait that names where it starts can be asked for again: its goal stays where it was. */
export class WaitQuery {
  @WholeNumberParameter({ min: 0, max: Number.MAX_SAFE_INTEGER - MAX_ADVANCE, description: 'A number of reports.' })
  from!: number;

  @OptionalNumberParameter({
    min: 1,
    max: MAX_ADVANCE,
    isWhole: true,
    description: 'For how many reports after those to wait; otherwise one.',
  })
  advance?: number;

  @OptionalNumberParameter({ min: 0, max: MAX_WAIT_SECONDS, description: 'Seconds to wait for them; otherwise none.' })
  wait?: number;
}
