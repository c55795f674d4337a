import type { Agent } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { Browser, type Answer, type Call } from '../support/browser.js';
import type { Random } from '../support/random.js';
import { IDLE_MS, KINDS, TAB, USER, type Order, type Started } from './protocol.js';
import { ReadRunner } from './read-runner.js';
import { identityOf, LATE_MS, Tab, type Span } from './tab.js';

const LIMIT_MS = 30_000;
const MOST_ROWS = 60;
const MOST_AT_ONCE = 20;
const KEPT_KEYS = 200;
/** Characters of an answer. */
const SHOWN = 400;

/** What all users have in common. */
export interface World {
  readonly url: string;
  readonly agent: Agent;
  /** Keys of runners, of whomever. */
  readonly keys: { readonly key: string; readonly owner: string }[];
  /** How often each thing was done. */
  readonly done: Record<string, number>;
}

type Answered = Answer & Span;

/** Somebody who does this and that, from two tabs, and knows what must come of it. Any promise of theirs rejects where it does not. */
export class User {
  /** What they have done, and what was answered. */
  readonly history: string[] = [];
  private readonly browser: Browser;
  private readonly tabs = [new Tab('one'), new Tab('two')];
  private tab = this.tabs[0]!;
  private login: string | undefined;
  private hasUserSession = false;

  private readonly actions: readonly (readonly [weight: number, what: string, act: () => Promise<unknown>])[] = [
    [6, 'look', () => this.look()],
    [5, 'add a note', () => this.addNote()],
    [2, 'hammer', () => this.hammer()],
    [1, 'add a note later', () => this.addNoteLater()],
    [1, 'lose a note', () => this.loseNote()],
    [12, 'start', () => this.start()],
    [24, 'read', () => this.withRunner((runner) => this.read(runner))],
    [6, 'lose a page', () => this.withRunner((runner) => this.losePage(runner))],
    [4, 'read in two windows', () => this.withRunner((runner) => this.readInTwoWindows(runner))],
    [3, 'read again', () => this.withRunner((runner) => this.readAgain(runner))],
    [2, 'abort', () => this.withRunner((runner) => this.abort(runner))],
    [2, 'read in the other tab', () => this.withRunner((runner) => this.readInOtherTab(runner))],
    [2, 'read what is of somebody else', () => this.readForeign()],
    [2, 'read what has gone', () => this.readGone()],
    [1, 'end the session', () => this.endSession()],
    [0.5, 'end all sessions', () => this.endAll()],
    [1, 'log in', () => this.logIn()],
    [1, 'log out', () => this.logOut()],
    [0.5, 'come back late', () => this.comeBackLate()],
    [4, 'change the tab', async () => void (this.tab = this.random.pick(this.tabs))],
    [4, 'wait', () => setTimeout(this.random.whole(0, 300))],
  ];

  constructor(
    readonly name: string,
    private readonly random: Random,
    private readonly world: World,
  ) {
    this.browser = new Browser(world.url, world.agent);
  }

  async live(): Promise<void> {
    for (let left = this.random.whole(2, 20); left > 0; left--) await this.doSomething();
    await this.leave();
  }

  private async doSomething(): Promise<void> {
    const [, what, act] = this.random.weighted(this.actions.map((action) => [action[0] * 2, action] as const));
    this.world.done[what] = (this.world.done[what] ?? 0) + 1;
    this.history.push(`${what} (tab ${this.tab.name})`);
    await act();
  }

  /** Some do not say good-bye. */
  private leave(): Promise<unknown> {
    const leave = this.random.pick([
      () => this.logOut(),
      () => this.endAll(),
      () => this.loseNote(),
      () => this.withRunner((runner) => this.losePage(runner)),
      () => Promise.resolve(),
    ]);
    return leave();
  }

  // ---- the session

  private async look(): Promise<void> {
    this.see(await this.ask('GET', '/desk'));
  }

  private async addNote(): Promise<void> {
    const answer = await this.ask('POST', '/notes');
    this.tab.meet(answer.body, answer);
    this.tab.noteAdded(answer.body.before);
    this.see(answer);
  }

  /** What comes at once is one after the other for the session. */
  private async hammer(): Promise<void> {
    // Without the cookie of a user session each would be a user of its own.
    if (!this.hasUserSession) await this.look();
    const count = this.random.whole(2, 8);
    const answers = await Promise.all(Array.from({ length: count }, () => this.ask('POST', '/notes')));
    // Where answers take long, the session may idle out between two of them.
    answers.sort((one, other) => one.receivedMs - other.receivedMs);
    for (const answer of answers) this.tab.meet(answer.body, answer);
    const latest = identityOf(answers.at(-1)!.body);
    const befores = answers.filter(({ body }) => identityOf(body) === latest).map(({ body }) => body.before as number);
    if (new Set(befores).size < befores.length) throw new Error(`Two notes in one place: ${befores.join()}`);
    for (const before of befores.sort((one, other) => one - other)) this.tab.noteAdded(before);
    await this.look();
  }

  private async addNoteLater(): Promise<void> {
    const answer = await this.ask('POST', '/late-notes');
    this.tab.meet(answer.body, answer);
    this.tab.noteGoingToBeAdded();
  }

  private async loseNote(): Promise<void> {
    this.tab.noteLost();
    await this.lose('POST', '/notes');
  }

  private async endSession(): Promise<void> {
    this.checkEnd(await this.ask('DELETE', '/session'));
    this.tab.end();
  }

  private async endAll(): Promise<void> {
    this.checkEnd(await this.ask('DELETE', '/group'));
    for (const tab of this.tabs) tab.end();
  }

  private async logIn(): Promise<void> {
    const keeps = this.random.chance(0.5);
    await this.ask('POST', keeps ? '/login?keep=yes' : '/login');
    if (!keeps || this.login !== undefined) for (const tab of this.tabs) tab.end();
    this.login = this.name;
    await this.look();
  }

  private async logOut(): Promise<void> {
    await this.ask('POST', '/logout');
    for (const tab of this.tabs) tab.end();
    this.login = undefined;
    this.hasUserSession = false;
  }

  private async comeBackLate(): Promise<void> {
    await setTimeout(IDLE_MS + LATE_MS + 100);
    await this.look();
  }

  // ---- runners

  private async start(): Promise<void> {
    const order: Order = {
      kind: this.random.pick(KINDS),
      tag: String(this.random.whole(0, 1e9)),
      count: this.random.whole(1, MOST_ROWS),
      replay: this.random.pick(['last-read', 'all']),
      advance: this.random.whole(1, MOST_AT_ONCE),
    };
    const answer = await this.ask('POST', '/runners', { json: order });
    const started = answer.body as Started;
    this.tab.meet(started, answer);
    const runner = new ReadRunner(started.key, order, this.name);
    runner.accept(started.page, 0, order.advance, answer);
    this.tab.runners.push(runner);
    const { keys } = this.world;
    keys.push({ key: runner.key, owner: this.name });
    if (keys.length > KEPT_KEYS) keys.shift();
  }

  private async read(runner: ReadRunner, from = runner.cursor): Promise<void> {
    const advance = this.random.whole(1, MOST_AT_ONCE);
    const answer = await this.call('GET', pathOf(runner, from, advance));
    if (answer.status === 410 && runner.mayBeGone(answer)) {
      const { runners } = this.tab;
      runners.splice(0, runners.length, ...runners.filter((each) => each !== runner));
      return;
    }
    check(answer, 200);
    runner.accept(answer.body, from, advance, answer);
  }

  private async losePage(runner: ReadRunner): Promise<void> {
    await this.lose('GET', pathOf(runner, runner.cursor, this.random.whole(1, MOST_AT_ONCE)));
    await this.read(runner);
  }

  private async readInTwoWindows(runner: ReadRunner): Promise<void> {
    const from = runner.isReplayed ? this.random.whole(0, runner.cursor) : runner.cursor;
    const { cursor } = runner;
    await Promise.all([this.read(runner, cursor), this.read(runner, from)]);
  }

  private async readAgain(runner: ReadRunner): Promise<void> {
    if (runner.isReplayed) await this.read(runner, this.random.whole(0, runner.cursor));
  }

  private async abort(runner: ReadRunner): Promise<void> {
    const answer = await this.call('DELETE', `/runners/${runner.key}`);
    if (answer.status === 410 && runner.mayBeGone(answer)) return;
    check(answer, 200);
    runner.isAborted = answer.body.status === 'aborted';
  }

  private async readInOtherTab(runner: ReadRunner): Promise<void> {
    const here = this.tab;
    this.tab = this.tabs.find((tab) => tab !== here)!;
    check(await this.call('GET', pathOf(runner, 0, 1)), 410);
    this.tab = here;
  }

  private async readForeign(): Promise<void> {
    const foreign = this.world.keys.filter(({ owner }) => owner !== this.name);
    if (foreign.length > 0) check(await this.call('GET', pathOf(this.random.pick(foreign), 0, 1)), 410);
  }

  private async readGone(): Promise<void> {
    const { goneKeys } = this.tab;
    if (goneKeys.length > 0) check(await this.call('GET', pathOf({ key: this.random.pick(goneKeys) }, 0, 1)), 410);
  }

  private async withRunner(act: (runner: ReadRunner) => Promise<unknown>): Promise<void> {
    if (this.tab.runners.length === 0) await this.start();
    await act(this.random.pick(this.tab.runners));
  }

  // ---- asking

  private async ask(method: string, path: string, more: Call = {}): Promise<Answered> {
    const answer = await this.call(method, path, more);
    check(answer, 200, 201);
    return answer;
  }

  private async call(method: string, path: string, more: Call = {}): Promise<Answered> {
    const { tab } = this;
    const sentMs = performance.now();
    const headers = { [TAB]: tab.name, [USER]: this.name };
    const answer = await this.browser.send(path, { method, headers, signal: AbortSignal.timeout(LIMIT_MS), ...more });
    const receivedMs = performance.now();
    tab.maybeUsed(receivedMs);
    this.history.push(`  ${receivedMs.toFixed(0)}: ${method} ${path} ${answer.status} ${answer.text.slice(0, SHOWN)}`);
    return { ...answer, sentMs, receivedMs };
  }

  /** Goes away before the answer has come, or right then. */
  private async lose(method: string, path: string): Promise<void> {
    const gone = new AbortController();
    const request = this.call(method, path, { signal: gone.signal }).catch((error: unknown) => {
      if (!gone.signal.aborted) throw error;
    });
    await Promise.race([request, setTimeout(this.random.whole(0, 6))]);
    gone.abort();
    await request;
    this.tab.maybeUsed(performance.now());
    this.history.push(`  lost: ${method} ${path}`);
  }

  private see(answer: Answered): void {
    this.hasUserSession = true;
    this.tab.see(answer.body, answer, this.name);
    if (answer.body.user !== this.login) throw new Error(`${this.login} is logged in as ${answer.body.user}`);
  }

  private checkEnd(answer: Answered): void {
    if (answer.body.problems.length > 0) throw new Error(`A bad end: ${answer.text}`);
  }
}

function pathOf({ key }: { readonly key: string }, from: number, advance: number): string {
  return `/runners/${key}?from=${from}&advance=${advance}`;
}

function check({ status, text }: Answer, ...expected: readonly number[]): void {
  if (!expected.includes(status)) throw new Error(`${status} instead of ${expected.join(' or ')}: ${text}`);
}
