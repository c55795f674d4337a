import { ApiPropertyOptional } from '@nestjs/swagger';
import { MaxLength } from 'class-validator';
import { DedupeKey } from '../http/dedupe-key.js';
import { IsNumberFrom, Optional } from '../http/fields.js';

const MIN_RATE = 0.1;
const MAX_RATE = 10_000;

export class StatisticsRequest {
  @ApiPropertyOptional({
    type: 'string',
    maxLength: 1_000,
    default: '',
    description: 'Below the folder that is searched.',
  })
  @MaxLength(1_000, { message: 'folder must be a string of at most 1000 characters' })
  folder = '';

  @ApiPropertyOptional({ minimum: MIN_RATE, maximum: MAX_RATE, description: 'Otherwise as fast as it can.' })
  @Optional()
  @IsNumberFrom(MIN_RATE, MAX_RATE, false)
  maxFoldersPerSecond?: number;

  @DedupeKey()
  dedupeKey?: string;
}
