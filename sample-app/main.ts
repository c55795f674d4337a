import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { describeApi } from './http/api-document.js';
import { portFromEnvironment } from './settings.js';

async function bootstrap(): Promise<void> {
  const port = portFromEnvironment();
  const app = await NestFactory.create<NestExpressApplication>(AppModule);
  // Without this, Ctrl+C would end the process with searches still running and sessions not cleaned up.
  app.enableShutdownHooks();
  describeApi(app);
  await app.listen(port);
  new Logger('Sample').log(`Open http://localhost:${port}/`);
}

await bootstrap();
