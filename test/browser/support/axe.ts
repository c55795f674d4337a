import { expect } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const SOURCE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const GRAVE = ['serious', 'critical'];

/** Nothing on the page, as it is now, shuts out who sees it badly, or hears it read. */
export async function expectAccessible(tab: Page): Promise<void> {
  await tab.evaluate(SOURCE);
  const { violations } = await tab.evaluate<AxeResults>("axe.run({ resultTypes: ['violations'] })");
  const faults = violations
    .filter(({ impact }) => GRAVE.includes(impact ?? ''))
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(', ')}`);
  expect(faults).toEqual([]);
}
