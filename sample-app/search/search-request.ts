import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsString, Length, MaxLength } from 'class-validator';
import { Optional } from '../http/fields.js';

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

  @ApiPropertyOptional({ maxLength: 100, description: 'The same key again is the same search: for who sends twice.' })
  @Optional()
  @IsString({ message: 'dedupeKey must be a string' })
  @MaxLength(100, { message: 'dedupeKey must be a string of at most 100 characters' })
  dedupeKey?: string;
}
