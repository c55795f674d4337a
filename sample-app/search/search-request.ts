import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, Length, MaxLength } from 'class-validator';
import { DedupeKey } from '../http/dedupe-key.js';
import { type SourceName, SOURCES } from './search-source.js';

/** Its form is checked here; the pattern and the folder have checks of their own. */
export class SearchRequest {
  @ApiProperty({ minLength: 1, maxLength: 200, example: 'activeSession' })
  @Length(1, 200, { message: 'text must be a string of 1 to 200 characters' })
  text!: string;

  @ApiPropertyOptional({ type: 'boolean', default: false, description: 'Whether the text is a regular expression.' })
  @IsBoolean({ message: 'regex must be true or false' })
  regex = false;

  @ApiPropertyOptional({
    type: 'string',
    maxLength: 1_000,
    default: '',
    description: 'Below the folder that is searched.',
  })
  @MaxLength(1_000, { message: 'folder must be a string of at most 1000 characters' })
  folder = '';

  @ApiPropertyOptional({
    enum: SOURCES,
    default: 'asynchronous',
    description: 'Lines, found one after the other, or words, collected first and looked through by a plain generator.',
  })
  @IsIn(SOURCES, { message: `"source" must be one of: ${SOURCES.join(', ')}` })
  source: SourceName = 'asynchronous';

  @DedupeKey()
  dedupeKey?: string;
}
