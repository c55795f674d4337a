import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { ActiveSessionGroup, InjectActiveSessionGroup } from 'nestjs-active-session';
import { EndingsJson } from './ending-json.js';
import { Endings } from './endings.js';

@Controller('api/endings')
export class EndingsController {
  constructor(private readonly endings: Endings) {}

  @Get()
  @ApiOkResponse({ type: EndingsJson })
  list(@InjectActiveSessionGroup() { id }: ActiveSessionGroup): EndingsJson {
    return { endings: this.endings.of(id) };
  }
}
