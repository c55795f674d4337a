import { afterEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { AppModule } from './fixtures/readme-example.js';
import { Browser } from './support/browser.js';

describe('The README', () => {
  let app: INestApplication | undefined;

  afterEach(async () => {
    await app?.close();
  });

  it('shows the example that is compiled and run here', async () => {
    const [readme, example] = await Promise.all([
      readFile('README.md', 'utf8'),
      readFile('test/fixtures/readme-example.ts', 'utf8'),
    ]);
    expect(/```ts\n([\s\S]*?)```/.exec(readme)?.[1]).toBe(example);
  });

  it('has an example that does what the text says', async () => {
    app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    const [alice, bob] = [new Browser(url), new Browser(url)];
    const lines = (await readFile('README.md', 'utf8')).split('\n').filter((line) => line.includes('session'));

    const { body: first } = await alice.post('/search?text=session');
    expect(first).toMatchObject({ texts: ['session'], from: 0, position: 5, result: lines.slice(0, 5) });

    const rows: string[] = [...first.result];
    for (let status = ''; status !== 'completed';) {
      const path = `/search/${first.key}?from=${rows.length}`;
      const { body: page } = await alice.get(path);
      expect((await alice.get(path)).body.result).toEqual(page.result);
      rows.push(...page.result);
      status = page.status;
    }
    expect(rows).toEqual(lines);

    expect((await bob.get(`/search/${first.key}?from=5`)).status).toBe(410);
    expect((await bob.post('/search?text=nobody')).body.texts).toEqual(['nobody']);
  });
});
