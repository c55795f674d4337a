import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';
import { Optional } from './fields.js';

/** A field by which a request that is sent twice starts one runner. */
export function DedupeKey(): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({ type: 'string', maxLength: 100, description: 'The same key again starts nothing new.' }),
    Optional(),
    IsString({ message: 'dedupeKey must be a string' }),
    MaxLength(100, { message: 'dedupeKey must be a string of at most 100 characters' }),
  );
}
