import { OptionalNumberParameter } from '../http/fields.js';
import { PositionQuery } from '../http/position-query.js';
import { MAX_PAGE_SIZE, MIN_PAGE_SIZE } from '../preferences/page-size.js';

export class ReadQuery extends PositionQuery {
  @OptionalNumberParameter({
    min: MIN_PAGE_SIZE,
    max: MAX_PAGE_SIZE,
    isWhole: true,
    description: 'How many rows at most; otherwise what the preferences say.',
  })
  max?: number;
}
