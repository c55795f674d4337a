import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { describeApi } from './http/api-document.js';
import { PAGES } from './page/site.js';
import { portFromEnvironment } from './settings.js';

const PATH_WIDTH = 12;

async function bootstrap(): Promise<void> {
  const port = portFromEnvironment();
  const app = await NestFactory.create<NestExpressApplication>(AppModule, { forceCloseConnections: true });
  // Without this, Ctrl+C would end the process with searches still running and sessions not cleaned up.
  app.enableShutdownHooks();
  describeApi(app);
  await app.listen(port);
  const logger = new Logger('Sample');
  logger.log(`Open http://localhost:${port}/ and try:`);
  for (const { path, hint } of PAGES) logger.log(`${path.padEnd(PATH_WIDTH)} ${hint}`);
  logger.log(`${'/api/docs'.padEnd(PATH_WIDTH)} All requests, to be tried by hand.`);
}

await bootstrap();
