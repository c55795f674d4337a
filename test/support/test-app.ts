import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import type { AddressInfo } from 'node:net';
import { ActiveSessionModule, ActiveSessionRegistry, type ActiveSessionModuleOptions } from 'nestjs-active-session';
import { Browser } from './browser.js';

export interface TestApp {
  app: INestApplication;
  url: string;
  registry: ActiveSessionRegistry;
  browser(): Browser;
}

export interface TestAppOptions {
  options?: ActiveSessionModuleOptions;
  metadata?: ModuleMetadata;
  /** Before the application is made. */
  override?(builder: TestingModuleBuilder): TestingModuleBuilder;
  /** Before it listens. */
  configure?(app: INestApplication): void;
}

export const SECRET = 'a secret for tests only';
const open: INestApplication[] = [];

/** A Nest application that listens; {@link closeApps} ends it after the test. */
export async function startApp({ options, metadata, override, configure }: TestAppOptions): Promise<TestApp> {
  const builder = Test.createTestingModule({
    ...metadata,
    imports: [
      ActiveSessionModule.forRoot({ userSession: { secret: SECRET }, ...options }),
      ...(metadata?.imports ?? []),
    ],
  });
  const app = await makeApp(override?.(builder) ?? builder);
  configure?.(app);
  await app.listen(0, '127.0.0.1');
  open.push(app);
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return { app, url, registry: app.get(ActiveSessionRegistry), browser: () => new Browser(url) };
}

/**
 * With `@nestjs/testing` the adapter comes after the providers. Nest before 11.1 does not tell them when, so that the
 * module could not mount express-session: there they get a host that has its adapter.
 */
export async function makeApp(
  builder: TestingModuleBuilder,
  adapter = new ExpressAdapter(),
): Promise<INestApplication> {
  if (!('init$' in HttpAdapterHost.prototype)) {
    const host = new HttpAdapterHost();
    host.httpAdapter = adapter;
    builder.overrideProvider(HttpAdapterHost).useValue(host);
  }
  const module = await builder.compile();
  return module.createNestApplication(adapter, { logger: false, forceCloseConnections: true });
}

/** Call it after each test. */
export async function closeApps(): Promise<void> {
  for (const app of open.splice(0)) await app.close();
}
