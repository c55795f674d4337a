import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { DedupeKey } from '../http/dedupe-key.js';
import { IsNumberFrom } from '../http/fields.js';

const MIN_INTERVAL_SECONDS = 0.1;
const MAX_INTERVAL_SECONDS = 3_600;
/** All measurements stay in memory until the series is dropped (`replay: 'all'`), so there must be an end to them. */
const MAX_COUNT = 10_000;

export class SeriesRequest {
  @ApiProperty({ minimum: MIN_INTERVAL_SECONDS, maximum: MAX_INTERVAL_SECONDS, example: 1 })
  @IsNumberFrom(MIN_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS, false)
  intervalSeconds!: number;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MAX_COUNT, default: MAX_COUNT })
  @IsNumberFrom(1, MAX_COUNT, true)
  count = MAX_COUNT;

  @DedupeKey()
  dedupeKey?: string;
}
