import { Body, Controller, Get, Put } from '@nestjs/common';
import { BadInputError } from '../http/bad-input.error.js';
import { bodyFields } from '../http/body-fields.js';
import { MAX_PAGE_SIZE, MIN_PAGE_SIZE } from './page-size.js';
import { Preferences } from './preferences.js';

interface PreferencesJson {
  pageSize: number;
}

@Controller('api/preferences')
export class PreferencesController {
  constructor(private readonly preferences: Preferences) {}

  @Get()
  show(): PreferencesJson {
    return { pageSize: this.preferences.pageSize };
  }

  @Put()
  change(@Body() body: unknown): PreferencesJson {
    this.preferences.pageSize = pageSizeOf(body);
    return this.show();
  }
}

function pageSizeOf(body: unknown): number {
  const { pageSize } = bodyFields(body, ['pageSize']);
  if (!Number.isInteger(pageSize) || Number(pageSize) < MIN_PAGE_SIZE || Number(pageSize) > MAX_PAGE_SIZE) {
    throw new BadInputError(`pageSize must be a whole number from ${MIN_PAGE_SIZE} to ${MAX_PAGE_SIZE}.`);
  }
  return Number(pageSize);
}
