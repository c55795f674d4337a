import { request, type Agent, type IncomingHttpHeaders } from 'node:http';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  // Tests say themselves what they expect of a body.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  body: any;
}

export interface Call {
  method?: string;
  json?: unknown;
  /** JSON as it is sent, where `json` is not given. */
  text?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A client that keeps its cookies, as a browser does. */
export class Browser {
  readonly cookies = new Map<string, string>();

  /** @param agent where connections are to be kept; each request has its own one otherwise */
  constructor(
    private readonly base: string,
    private readonly agent: Agent | false = false,
  ) {}

  get(path: string, call: Call = {}): Promise<Answer> {
    return this.send(path, { ...call, method: 'GET' });
  }

  post(path: string, json?: unknown, call: Call = {}): Promise<Answer> {
    return this.send(path, { ...call, method: 'POST', json });
  }

  delete(path: string, call: Call = {}): Promise<Answer> {
    return this.send(path, { ...call, method: 'DELETE' });
  }

  /** A browser with the same cookies: a second tab, or an attacker's copy; at another address, as behind a proxy. */
  clone(base = this.base): Browser {
    const copy = new Browser(base, this.agent);
    for (const [name, value] of this.cookies) copy.cookies.set(name, value);
    return copy;
  }

  /** What it sends as its Cookie header. */
  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  send(
    path: string,
    { method = 'GET', json, text = JSON.stringify(json), headers = {}, signal }: Call = {},
  ): Promise<Answer> {
    const { cookie } = this;
    return new Promise((resolve, reject) => {
      const req = request(new URL(path, this.base), {
        method,
        agent: this.agent,
        ...(signal !== undefined && { signal }),
        headers: {
          ...(cookie !== '' && { cookie }),
          ...(text !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
      });
      req.on('error', reject);
      req.on('response', (res) => {
        this.keepCookies(res.headers['set-cookie'] ?? []);
        const chunks: Buffer[] = [];
        res.on('error', reject);
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('end', () => {
          const received = Buffer.concat(chunks).toString();
          const isJson = (res.headers['content-type'] ?? '').includes('json');
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            text: received,
            body: isJson ? JSON.parse(received) : undefined,
          });
        });
      });
      req.end(text);
    });
  }

  private keepCookies(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
  }
}
