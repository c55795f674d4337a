import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Header } from '@nestjs/common';
import { ActiveSession, InjectActiveSession } from 'nestjs-active-session';
import { findUpwards } from '../settings.js';

const ONLY_OWN_FILES = "default-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'";

/** The page and its two files. Three small files, read once: no static file server is needed. */
@Controller()
export class PageController {
  private readonly html = readPublicFile('index.html');
  private readonly css = readPublicFile('style.css');
  private readonly script = readPublicFile('app.js');

  /** Uses the session, so that the answer sets the cookie before the page's first API call. */
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Cache-Control', 'no-store')
  @Header('Content-Security-Policy', ONLY_OWN_FILES)
  page(@InjectActiveSession() session: ActiveSession): string {
    session.touch();
    return this.html;
  }

  @Get('style.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  @Header('Cache-Control', 'no-cache')
  styles(): string {
    return this.css;
  }

  @Get('app.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @Header('Cache-Control', 'no-cache')
  code(): string {
    return this.script;
  }
}

function readPublicFile(name: string): string {
  return readFileSync(join(findUpwards('public'), name), 'utf8');
}
