import type { BrowserContextOptions } from 'playwright-core';

const DESKTOP = { width: 1280, height: 800 };

/** How people see the pages. A window that is zoomed to 200 % has half as many pixels of CSS, each of two by two. */
export const VIEWS = {
  desktop: { viewport: DESKTOP, colorScheme: 'light' },
  'dark desktop': { viewport: DESKTOP, colorScheme: 'dark' },
  phone: { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, colorScheme: 'light' },
  'dark and zoomed': { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2, colorScheme: 'dark' },
} satisfies Record<string, BrowserContextOptions>;

export type ViewName = keyof typeof VIEWS;
export const VIEW_NAMES = Object.keys(VIEWS) as ViewName[];
