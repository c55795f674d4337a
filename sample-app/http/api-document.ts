import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

/** Describes the API at /api/docs, and as JSON at /api/docs-json. */
export function describeApi(app: INestApplication): void {
  const config = new DocumentBuilder()
    .setTitle('Active sessions, the sample')
    .setDescription('Background work that belongs to a user. Errors are problem details (RFC 9457).')
    .setVersion('1')
    .build();
  SwaggerModule.setup('api/docs', app, () => SwaggerModule.createDocument(app, config));
}
