import { Controller, Get, Header, NotFoundException, Param, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ActiveSession, InjectActiveSession } from 'nestjs-active-session';
import { sessionNameOf } from '../session/session-name.js';
import { PAGES, Site } from './site.js';

const ONLY_OWN_FILES = "default-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'";

/** The pages and their files. */
@ApiExcludeController()
@Controller()
export class PageController {
  private readonly site = new Site();

  @Get('assets/:file')
  @Header('Cache-Control', 'no-cache')
  asset(@Param('file') file: string, @Res({ passthrough: true }) res: Response): string {
    const asset = this.site.file(file);
    if (asset === undefined) throw new NotFoundException(`There is no file ${JSON.stringify(file.slice(0, 50))}.`);
    res.setHeader('Content-Type', asset.type);
    return asset.content;
  }

  /** Uses the session, so that the answer sets the cookie before the page's first API call. */
  @Get(PAGES.map(({ path }) => path))
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Cache-Control', 'no-store')
  @Header('Content-Security-Policy', ONLY_OWN_FILES)
  page(@Req() req: Request, @InjectActiveSession() session: ActiveSession): string {
    session.touch();
    const page = PAGES.find(({ path }) => path === req.path);
    if (page === undefined) throw new NotFoundException('There is no such page.');
    return this.site.html(page, sessionNameOf(req));
  }
}
