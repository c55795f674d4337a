import { connect, type Socket } from 'node:net';
import { until } from './gate.js';

/** A bare connection, for what well-behaved clients do not do, and for answers that are still on their way. */
export class RawClient {
  received = '';
  private isClosed = false;
  private readonly socket: Socket;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.on('data', (chunk) => (this.received += chunk.toString()));
    this.socket.on('error', () => {});
    this.socket.on('close', () => (this.isClosed = true));
  }

  /** Sends requests without waiting for answers. */
  send(...requests: { path: string; cookie?: string | undefined }[]): void {
    const text = requests.map(({ path, cookie }) => {
      const cookieLine = cookie === undefined ? '' : `Cookie: ${cookie}\r\n`;
      return `GET ${path} HTTP/1.1\r\nHost: test\r\n${cookieLine}\r\n`;
    });
    this.write(text.join(''));
  }

  /** Sends any text, also half a request. */
  write(text: string): void {
    this.socket.write(text);
  }

  /** Reads no more: what the application sends fills the buffers on the way, and then waits. */
  stopReading(): void {
    this.socket.pause();
  }

  /** Resolves when the answer has got as far as `text`. */
  async until(text: string): Promise<void> {
    await until(() => this.received.includes(text));
  }

  /** The cookie of the answer, to be sent back; undefined where it sets none. */
  get cookie(): string | undefined {
    return /^set-cookie: ([^;]+)/im.exec(this.received)?.[1];
  }

  get isOpen(): boolean {
    return !this.isClosed;
  }

  /** Resolves when the connection is closed, by whomever. */
  async closed(): Promise<void> {
    await until(() => this.isClosed);
  }

  /** Goes away without a word to the application. */
  async vanish(): Promise<void> {
    this.socket.destroy();
    await this.closed();
  }
}
