import { ApiProperty } from '@nestjs/swagger';
import { Length } from 'class-validator';
import { IsNumberFrom } from '../http/fields.js';

export const MIN_STEPS = 1;
export const MAX_STEPS = 100;
export const MAX_DELAY_MS = 5_000;

export class JobRequest {
  @ApiProperty({ type: 'integer', minimum: MIN_STEPS, maximum: MAX_STEPS })
  @IsNumberFrom(MIN_STEPS, MAX_STEPS, true)
  steps!: number;

  @ApiProperty({ type: 'integer', minimum: 0, maximum: MAX_DELAY_MS, description: 'Milliseconds before each step.' })
  @IsNumberFrom(0, MAX_DELAY_MS, true)
  delayMs!: number;

  @ApiProperty({
    minLength: 1,
    maxLength: 100,
    description: 'The same key again is the same job: for who sends twice.',
  })
  @Length(1, 100, { message: '"dedupeKey" must be a string of 1 to 100 characters' })
  dedupeKey!: string;
}
