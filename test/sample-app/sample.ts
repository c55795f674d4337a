import type { INestApplication } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import type { AddressInfo } from 'node:net';
import { ActiveSessionRegistry, type Runner } from 'nestjs-active-session';
import { describeApi } from '../../sample-app/http/api-document.js';
import { Browser } from '../support/browser.js';
import { makeTempTree, removeTempTree } from './temp-tree.js';

type Override = (builder: TestingModuleBuilder) => TestingModuleBuilder;

/** The sample application, listening. */
export class Sample {
  /** Over a folder with this content, which is removed when it closes. */
  static async over(content: Record<string, string> = {}, override?: Override): Promise<Sample> {
    const folder = await makeTempTree(content);
    return Sample.start(folder, override, () => removeTempTree(folder));
  }

  /** Over a folder that stays. */
  static async start(
    folder: string,
    override: Override = (builder) => builder,
    cleanUp = async (): Promise<void> => {},
  ): Promise<Sample> {
    // Loaded here, and not before: a test can set the environment that it reads.
    const { AppModule } = await import('../../sample-app/app.module.js');
    const module = await override(Test.createTestingModule({ imports: [AppModule.forFolder(folder)] })).compile();
    const app = module.createNestApplication({ logger: false, forceCloseConnections: true });
    describeApi(app);
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return new Sample(app, `http://127.0.0.1:${port}`, cleanUp);
  }

  private constructor(
    readonly app: INestApplication,
    readonly url: string,
    private readonly cleanUp: () => Promise<void>,
  ) {}

  /** A new user, who has opened a page: that sets the cookie before the first API call. */
  async user(page = '/'): Promise<Browser> {
    const browser = new Browser(this.url);
    const { status } = await browser.get(page);
    if (status !== 200) throw new Error(`The page ${page} answers ${status}`);
    return browser;
  }

  runner(key: string): Runner {
    for (const session of this.app.get(ActiveSessionRegistry).all()) {
      const runner = session.getRunner(key);
      if (runner !== undefined) return runner;
    }
    throw new Error(`There is no runner ${key}`);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.cleanUp();
  }
}
