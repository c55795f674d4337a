import { chromium, type Browser } from 'playwright-core';
import { findChromium } from './find-chromium.js';

/** It asks nobody but the server under test: no updates, no accounts, no lists. Playwright's own flags say the most of it. */
const QUIET = ['--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-sync'];

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), args: QUIET });
}
