import type { BrowserContext } from 'playwright-core';

/** Notes what no page may do: fail, complain in the console, or ask other servers than its own. */
export class Watch {
  private readonly problems: string[] = [];

  constructor(
    private readonly context: BrowserContext,
    url: string,
  ) {
    context.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.problems.push(message.text());
    });
    context.on('weberror', (webError) => this.problems.push(`Not caught: ${String(webError.error())}`));
    context.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol !== 'data:' && origin !== url) this.problems.push(`It asks another server: ${request.url()}`);
    });
  }

  /** Closes all tabs. */
  async end(): Promise<void> {
    await this.context.close();
  }

  problemsWithout(expected: RegExp[]): string[] {
    return this.problems.filter((problem) => !expected.some((pattern) => pattern.test(problem)));
  }
}
