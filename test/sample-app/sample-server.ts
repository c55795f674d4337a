import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AddressInfo } from 'node:net';
import { Browser } from '../support/browser.js';
import { makeTempTree, removeTempTree } from './temp-tree.js';

/** The sample application over a small folder of its own. */
export class SampleServer {
  private constructor(
    readonly app: INestApplication,
    private readonly root: string,
    private readonly url: string,
  ) {}

  /** The module is loaded here, and not before: a test can set the environment that it reads. */
  static async start(): Promise<SampleServer> {
    const { AppModule } = await import('../../sample-app/app.module.js');
    const root = await makeTempTree({ 'a.txt': 'needle\nhay\nneedle', 'b/c.txt': 'needle' });
    const app = await NestFactory.create(AppModule.forFolder(root), { logger: false, forceCloseConnections: true });
    await app.listen(0, '127.0.0.1');
    return new SampleServer(app, root, `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`);
  }

  async close(): Promise<void> {
    await this.app.close();
    await removeTempTree(this.root);
  }

  /** A new user, who has opened a page: that sets the cookie before the first API call. */
  async user(page = '/'): Promise<Browser> {
    const browser = new Browser(this.url);
    const { status } = await browser.get(page);
    if (status !== 200) throw new Error(`The page ${page} answers ${status}`);
    return browser;
  }
}
