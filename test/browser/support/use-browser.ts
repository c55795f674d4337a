import { afterAll, afterEach, beforeAll, expect, jest } from '@jest/globals';
import type { Browser, BrowserContext } from 'playwright-core';
import { Sample } from '../../sample-app/sample.js';
import { launchChromium } from './launch-chromium.js';
import { WAIT_LIMIT_MS } from './tab.js';
import { VIEWS, type ViewName } from './views.js';
import { Watch } from './watch.js';

const TEST_LIMIT_MS = 60_000;

export interface Users {
  /** Somebody new, with cookies of their own and any number of tabs. */
  newUser(url: string, view?: ViewName): Promise<BrowserContext>;
  /** What the test itself brings about may stand in the browser's console. */
  expectErrors(pattern: RegExp): void;
}

/**
 * For the top of a spec: one browser for all its tests. A test fails where a page has an error in the console, or asks
 * another server than that of the sample.
 */
export function useBrowser(): Users {
  let browser: Browser | undefined;
  let watches: Watch[] = [];
  let expected: RegExp[] = [];

  jest.setTimeout(TEST_LIMIT_MS);
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  afterEach(async () => {
    const [ended, patterns] = [watches, expected];
    watches = [];
    expected = [];
    for (const watch of ended) await watch.end();
    expect(ended.flatMap((watch) => watch.problemsWithout(patterns))).toEqual([]);
  });

  return {
    async newUser(url, view = 'desktop') {
      const context = await browser!.newContext({ ...VIEWS[view], baseURL: url, locale: 'en-GB', timezoneId: 'UTC' });
      context.setDefaultTimeout(WAIT_LIMIT_MS);
      watches.push(new Watch(context, url));
      return context;
    },
    expectErrors: (pattern) => void expected.push(pattern),
  };
}

/** For the top of a spec: the sample application over a folder with this content. */
export function useSample(content: Record<string, string>): { readonly url: string } {
  let sample: Sample;
  beforeAll(async () => {
    sample = await Sample.over(content);
  });
  afterAll(() => sample.close());
  return {
    get url() {
      return sample.url;
    },
  };
}
