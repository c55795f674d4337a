import { ApiPropertyOptional } from '@nestjs/swagger';
import { MaxLength } from 'class-validator';
import { DedupeKey } from '../http/dedupe-key.js';

export class StatisticsRequest {
  @ApiPropertyOptional({ maxLength: 1_000, default: '', description: 'Below the folder that is searched.' })
  @MaxLength(1_000, { message: 'folder must be a string of at most 1000 characters' })
  folder = '';

  @DedupeKey()
  dedupeKey?: string;
}
