import { expect, it } from '@jest/globals';
import type { Answer, Browser } from '../support/browser.js';
import { until } from '../support/gate.js';
import { forAllHistories, howMany, type Random } from '../support/random.js';
import { useSessionApps } from '../support/session-app.js';
import { login, startLoginApp, type LoginApp } from './login-app.js';

const { start } = useSessionApps();

/** What belongs to one cookie, as whoever has it would say. */
interface Owner {
  user: string | undefined;
  /** The list itself: another one takes its place when the session ends. */
  items: string[];
}

/** A request that waits, and what it may say when it goes on: nothing, where a login has taken its session away. */
interface Poll {
  answer: Promise<Answer>;
  items: string[];
  isLost: boolean;
}

/** The model: plain data, which knows nothing of the library. Some browsers have stolen the cookies of others. */
class World {
  private readonly owners = new Map<string, Owner>();
  private readonly polls = new Map<string, Poll[]>();
  private readonly allPolls: Poll[] = [];
  private serial = 0;

  constructor(
    private readonly app: LoginApp,
    private readonly browsers: Browser[],
    private readonly random: Random,
    private readonly log: (what: string) => void,
  ) {}

  async step(): Promise<void> {
    const browser = this.random.pick(this.browsers);
    const act = this.random.weighted<(browser: Browser) => Promise<void>>([
      [6, (one) => this.look(one)],
      [6, (one) => this.add(one)],
      [4, (one) => this.login(one)],
      [2, (one) => this.logout(one)],
      [3, (one) => this.steal(one)],
      [2, (one) => this.poll(one)],
      [1, () => this.terminateAll()],
      [1, () => this.idle()],
    ]);
    await act(browser);
  }

  /** All that waits goes on now. */
  async finish(): Promise<void> {
    this.app.gate.open();
    for (const { answer, items, isLost } of this.allPolls) {
      const { status, body } = await answer;
      if (isLost) expect([status, body.code]).toEqual([410, 'SESSION_ENDED']);
      else expect([status, body]).toEqual([200, items]);
    }
  }

  private async look(browser: Browser): Promise<void> {
    const owner = this.ownerOf(browser);
    const { body } = await browser.get('/view');
    this.note(browser, `sees ${JSON.stringify(body)}`);
    expect({ user: body.user, items: body.items }).toEqual({ user: owner.user, items: owner.items });
    this.owners.set(browser.cookie, owner);
  }

  private async add(browser: Browser): Promise<void> {
    const owner = this.ownerOf(browser);
    const item = `item ${++this.serial}`;
    await browser.get(`/add?item=${encodeURIComponent(item)}`);
    this.note(browser, `adds ${item}`);
    owner.items.push(item);
    this.owners.set(browser.cookie, owner);
  }

  private async login(browser: Browser): Promise<void> {
    const { cookie } = browser;
    const owner = this.ownerOf(browser);
    const user = this.random.pick(['alice', 'bob']);
    const { body } = await login(browser, user);
    this.note(browser, `logs in as ${user}`);
    const isKept = owner.user === undefined;
    if (isKept) for (const poll of this.polls.get(cookie) ?? []) poll.isLost = true;
    const next = { ...owner, user, items: isKept ? owner.items : [] };
    expect({ user: body.user, items: body.items }).toEqual({ user, items: next.items });
    this.move(cookie, browser, next);
  }

  private async logout(browser: Browser): Promise<void> {
    const { cookie } = browser;
    await browser.get('/logout');
    this.note(browser, 'logs out');
    this.move(cookie, browser, { user: undefined, items: [] });
  }

  private async steal(browser: Browser): Promise<void> {
    const victim = this.random.pick(this.browsers);
    browser.cookies.clear();
    for (const [name, value] of victim.cookies) browser.cookies.set(name, value);
    this.note(browser, `has the cookie of ${this.browsers.indexOf(victim)}`);
    await Promise.resolve();
  }

  private async poll(browser: Browser): Promise<void> {
    // Only of who has a session: a first answer would have to set the cookie.
    if (!this.owners.has(browser.cookie) || this.allPolls.length > 5) return;
    const { items } = this.ownerOf(browser);
    const waiting = this.app.waiting();
    const poll: Poll = { answer: browser.clone().get('/nest/poll'), items, isLost: false };
    await until(() => this.app.waiting() > waiting);
    this.note(browser, 'polls');
    this.allPolls.push(poll);
    this.polls.set(browser.cookie, [...(this.polls.get(browser.cookie) ?? []), poll]);
  }

  private async terminateAll(): Promise<void> {
    this.log('all sessions are terminated');
    await Promise.all(this.app.registry.all().map((session) => session.terminate()));
    for (const owner of this.owners.values()) owner.items = [];
  }

  private async idle(): Promise<void> {
    if (this.allPolls.length > 0) return;
    this.log('time goes by');
    await this.app.clock.advance(21 * 60_000);
    for (const owner of this.owners.values()) owner.items = [];
  }

  private ownerOf({ cookie }: Browser): Owner {
    return this.owners.get(cookie) ?? { user: undefined, items: [] };
  }

  /** The old cookie is worth nothing from now on. */
  private move(oldCookie: string, browser: Browser, owner: Owner): void {
    expect(browser.cookie).not.toBe(oldCookie);
    this.owners.delete(oldCookie);
    this.polls.delete(oldCookie);
    this.owners.set(browser.cookie, owner);
  }

  private note(browser: Browser, what: string): void {
    this.log(`${this.browsers.indexOf(browser)} ${what}`);
  }
}

it('Random logins, logouts and thefts of cookies show nobody what belongs to somebody else', async () => {
  await forAllHistories(async (random, log) => {
    const app = await startLoginApp(start);
    const world = new World(
      app,
      Array.from({ length: 4 }, () => app.browser()),
      random,
      log,
    );
    for (let step = 0; step < 40; step++) await world.step();
    await world.finish();
    await app.requestsOver();
    await app.app.close();
  }, howMany(60));
}, 60_000);
