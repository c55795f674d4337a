import type { INestApplication } from '@nestjs/common';
import { IncomingMessage, ServerResponse, type RequestListener } from 'node:http';
import { Socket } from 'node:net';

/** Who comes: read by the applications of the benchmarks, which have no cookies. */
export const USER_HEADER = 'x-user';

/**
 * Requests and responses of Node without sockets: all of Express, Nest and the library takes part, and the network
 * does not.
 */
export class FakeHttp {
  private readonly socket = new Socket();

  constructor(private readonly listener: RequestListener) {}

  static of(app: INestApplication): FakeHttp {
    return new FakeHttp(app.getHttpAdapter().getInstance() as RequestListener);
  }

  /** @returns the body of the answer */
  get(path: string, user: string): Promise<string> {
    const req = new IncomingMessage(this.socket);
    req.method = 'GET';
    req.url = path;
    req.headers = { [USER_HEADER]: user };
    const res = new ServerResponse(req);
    return new Promise((resolve, reject) => {
      res.end = (body?: unknown) => {
        res.emit('close');
        if (res.statusCode === 200) resolve(String(body));
        else reject(new Error(`${path} was answered with the status ${res.statusCode}: ${String(body)}`));
        return res;
      };
      this.listener(req, res);
    });
  }
}
