import { Agent, get, type IncomingMessage } from 'node:http';

const CONNECTIONS = 8;

/** A client that keeps its cookie and its connections. */
export class Client {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  private cookie: string | undefined;

  constructor(private readonly url: string) {}

  /** Sends so many requests, some at once. @returns the body that all of them got */
  async send(count: number): Promise<string> {
    if (this.cookie === undefined) await this.sendOne();
    const bodies = new Set<string>();
    let left = count;
    const sendSome = async (): Promise<void> => {
      while (left-- > 0) bodies.add(await this.sendOne());
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, sendSome));
    const [body = '', ...others] = bodies;
    if (others.length > 0) throw new Error(`Answers differ: ${[body, ...others].join(' | ')}`);
    return body;
  }

  close(): void {
    this.agent.destroy();
  }

  private async sendOne(): Promise<string> {
    const headers = this.cookie === undefined ? {} : { cookie: this.cookie };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(this.url, { agent: this.agent, headers }, resolve).on('error', reject);
    });
    const [newCookie] = response.headers['set-cookie'] ?? [];
    this.cookie ??= newCookie?.split(';')[0];
    let body = '';
    for await (const chunk of response.setEncoding('utf8')) body += chunk as string;
    if (response.statusCode !== 200) throw new Error(`Answered with ${response.statusCode}: ${body}`);
    return body;
  }
}
