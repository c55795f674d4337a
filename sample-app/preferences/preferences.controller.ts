import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsNumberFrom } from '../http/fields.js';
import { MAX_PAGE_SIZE, MIN_PAGE_SIZE } from './page-size.js';
import { Preferences } from './preferences.js';

class PreferencesJson {
  @ApiProperty({ type: 'integer', minimum: MIN_PAGE_SIZE, maximum: MAX_PAGE_SIZE })
  @IsNumberFrom(MIN_PAGE_SIZE, MAX_PAGE_SIZE, true)
  pageSize!: number;
}

@Controller('api/preferences')
export class PreferencesController {
  constructor(private readonly preferences: Preferences) {}

  @Get()
  show(): PreferencesJson {
    return { pageSize: this.preferences.pageSize };
  }

  @Put()
  change(@Body() { pageSize }: PreferencesJson): PreferencesJson {
    this.preferences.pageSize = pageSize;
    return this.show();
  }
}
