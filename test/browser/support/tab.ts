import { expect } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { Gate } from '../../support/gate.js';

/** What a wait in a page takes at most: less than a test, so that it is the wait that fails. */
export const WAIT_LIMIT_MS = 15_000;

/** Waits until the status line says so. */
export async function expectStatus(tab: Page, text: string | RegExp): Promise<void> {
  const status = tab.locator('#status');
  const isReached = await status
    .filter({ hasText: text })
    .waitFor()
    .then(
      () => true,
      () => false,
    );
  if (!isReached) expect(await status.textContent()).toMatch(text);
}

/** Waits until the page has asked the server for its session: then it is complete. */
export async function open(tab: Page, path: string): Promise<void> {
  await tab.goto(path);
  await tab.locator('#session').filter({ hasText: ':' }).waitFor();
}

/** Waits until the expression holds on the page. Asked from here: the page itself lets no text become code. */
export async function waitUntil(tab: Page, expression: string): Promise<void> {
  const end = performance.now() + WAIT_LIMIT_MS;
  while (!(await tab.evaluate<boolean>(expression))) {
    if (performance.now() > end) throw new Error(`It did not come true: ${expression}`);
  }
}

/** How many runners the server has in the user's session. */
export async function runnersOf(user: BrowserContext): Promise<number> {
  const { runners } = await (await user.request.get('/api/session')).json();
  return runners.length;
}

/** The user ends the session in a tab of its own. */
export async function endSession(user: BrowserContext): Promise<void> {
  const tab = await user.newPage();
  await open(tab, '/search');
  await tab.getByRole('button', { name: 'New session' }).click();
  await expectStatus(tab, 'This is a new session.');
  await tab.close();
}

/** Requests wait on their way to the server until the gate that it gives is open. */
export async function hold(tab: Page, url: string | RegExp): Promise<Gate> {
  const gate = new Gate();
  await tab.route(url, async (route) => {
    await gate.opened;
    await route.continue();
  });
  return gate;
}

/** The server answers the next such request, and the answer is lost on its way. */
export async function loseAnswer(tab: Page, url: string): Promise<void> {
  const lose = { times: 1 };
  await tab.route(
    url,
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    lose,
  );
}

/** Nothing is so wide that the page must be scrolled sideways. */
export async function expectToFit(tab: Page): Promise<void> {
  expect(await tab.evaluate<string[]>(WHAT_IS_TOO_WIDE)).toEqual([]);
}

// Texts and not functions: they are for the browser, whose types the project does not have.
const WHAT_IS_TOO_WIDE = `(() => {
  const { scrollWidth, clientWidth } = document.scrollingElement;
  if (scrollWidth <= clientWidth) return [];
  const tooWide = [...document.body.querySelectorAll('*')].filter(
    (element) => element.getBoundingClientRect().right > clientWidth,
  );
  return [scrollWidth + ' px in ' + clientWidth, ...tooWide.map(({ outerHTML }) => outerHTML.slice(0, 100))];
})()`;

export interface Stop {
  /** The place among all controls, in the order of the document. */
  index: number;
  html: string;
  isOutlined: boolean;
}

const CONTROLS = `[...document.querySelectorAll(
  'a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary, [tabindex="0"]',
)].filter((control) => control.checkVisibility({ visibilityProperty: true }))`;

const THE_STOP = `(() => {
  const control = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(control);
  return {
    index: ${CONTROLS}.indexOf(control),
    html: control.outerHTML.slice(0, 100),
    isOutlined: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
  };
})()`;

export function controlsOf(tab: Page): Promise<number> {
  return tab.evaluate<number>(`${CONTROLS}.length`);
}

/** Presses Tab. */
export async function nextStop(tab: Page): Promise<Stop> {
  await tab.keyboard.press('Tab');
  return tab.evaluate<Stop>(THE_STOP);
}
