import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { findUpwards } from '../settings.js';

/** A page: its HTML is in public/pages, its script in public/assets, both under its name. */
export interface Page {
  readonly name: string;
  readonly path: string;
  readonly title: string;
  /** What to try on it. */
  readonly hint: string;
}

export const PAGES: readonly Page[] = [
  {
    name: 'home',
    path: '/',
    title: 'This session',
    hint: 'Open a second session beside this one; log in, and log out: see what goes on and what ends.',
  },
  {
    name: 'search',
    path: '/search',
    title: 'Search a folder',
    hint: 'Reload in the middle, lose an answer, read along in a second tab: no row is lost, none comes twice.',
  },
  {
    name: 'statistics',
    path: '/statistics',
    title: 'Folder statistics',
    hint: 'Let triggers wait for some folders more while the chart goes on growing.',
  },
  {
    name: 'time-series',
    path: '/time-series',
    title: 'Time series',
    hint: 'Measure this server, and start a search in a second tab.',
  },
  {
    name: 'workspace',
    path: '/workspace',
    title: 'Exclusive service',
    hint: 'Start a job in each of two tabs: the second one waits for its turn.',
  },
  {
    name: 'ended',
    path: '/ended',
    title: 'What has ended',
    hint: 'Press “New session” on another page first: here it says what has ended, and why.',
  },
];

export interface Asset {
  readonly type: string;
  readonly content: string;
}

const TYPES = new Map([
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
]);

/** The files of the pages. They are few and small: read once, they need no static file server. */
export class Site {
  private readonly folder = findUpwards('public');
  private readonly layout = this.read('layout.html');
  private readonly mains = new Map(PAGES.map(({ name }) => [name, this.read(`pages/${name}.html`)]));
  private readonly assets = new Map(readdirSync(join(this.folder, 'assets')).map((file) => [file, this.asset(file)]));

  /** @param session the name of the session that its links lead to */
  html(page: Page, session: string): string {
    const query = session === 'a' ? '' : `?session=${session}`;
    const links = PAGES.map(({ name, path, title }) => {
      const current = name === page.name ? ' aria-current="page"' : '';
      return `<li><a href="${path}${query}"${current}>${title}</a></li>`;
    });
    const parts = new Map([
      ['title', page.title],
      ['name', page.name],
      ['hint', page.hint],
      ['links', links.join('\n          ')],
      ['main', this.mains.get(page.name) ?? ''],
    ]);
    return this.layout.replace(/\{\{(\w+)\}\}/g, (_all, part: string) => parts.get(part) ?? '');
  }

  file(name: string): Asset | undefined {
    return this.assets.get(name);
  }

  private asset(file: string): Asset {
    return { type: TYPES.get(extname(file)) ?? 'application/octet-stream', content: this.read(`assets/${file}`) };
  }

  private read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8');
  }
}
