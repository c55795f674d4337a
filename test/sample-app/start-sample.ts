import type { INestApplication } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import type { AddressInfo } from 'node:net';
import { ActiveSessionRegistry, type Runner } from 'nestjs-active-session';
import { AppModule } from '../../sample-app/app.module.js';
import { Browser } from '../support/browser.js';

/** The sample application, listening. */
export class Sample {
  private constructor(
    private readonly app: INestApplication,
    private readonly url: string,
  ) {}

  static async start(
    folder: string,
    override: (builder: TestingModuleBuilder) => TestingModuleBuilder = (builder) => builder,
  ): Promise<Sample> {
    const builder = Test.createTestingModule({ imports: [AppModule.forFolder(folder)] });
    const module = await override(builder).compile();
    const app = module.createNestApplication({ logger: false, forceCloseConnections: true });
    await app.listen(0, '127.0.0.1');
    return new Sample(app, `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`);
  }

  /** A browser that has opened the page, and so has its cookie. */
  async user(path = '/'): Promise<Browser> {
    const browser = new Browser(this.url);
    const { status } = await browser.get(path);
    if (status !== 200) throw new Error(`${path} answers ${status}`);
    return browser;
  }

  runner(key: string): Runner {
    for (const session of this.app.get(ActiveSessionRegistry).all()) {
      const runner = session.getRunner(key);
      if (runner !== undefined) return runner;
    }
    throw new Error(`There is no runner ${key}`);
  }

  close(): Promise<void> {
    return this.app.close();
  }
}
