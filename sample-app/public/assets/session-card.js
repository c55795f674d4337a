/* Shows one session, in place: what has the focus keeps it when there is news. */
import { make } from './page.js';
import { sessionName } from './requests.js';

/** The page that shows a runner, by the runner's name. */
const PAGES = new Map([
  ['search', '/search'],
  ['statistics', '/statistics'],
  ['series', '/time-series'],
  ['workspace', '/workspace'],
]);
const SCOPES = new Map([
  ['session', 'one for this session'],
  ['group', 'one for all your sessions'],
]);

export class SessionCard {
  #runners = new Map();
  #session;
  #toldAt;

  constructor(name) {
    this.name = name;
    this.element = document.getElementById('session-card').content.firstElementChild.cloneNode(true);
    const title = this.element.querySelector('h2');
    title.id = `title-${name}`;
    title.textContent = name === sessionName ? `Session ${name}, of this page` : `Session ${name}`;
    this.element.setAttribute('aria-labelledby', title.id);
  }

  /** @param session what the API tells of it */
  show(session) {
    this.#session = session;
    this.#toldAt = performance.now();
    this.#field('id').textContent = `${session.id}:${session.generation}`;
    this.#showRunners(session.runners);
    this.#field('services').replaceChildren(...session.services.map(serviceItem));
    this.tick();
  }

  /** Goes on with the times since the last news. */
  tick() {
    const { ageMs, idleTimeoutMs, maxLifetimeMs } = this.#session;
    const sinceMs = performance.now() - this.#toldAt;
    this.#field('age').textContent = timeText(ageMs + sinceMs);
    this.#field('latest').textContent = inTime(maxLifetimeMs - ageMs - sinceMs);
    this.#field('idle').textContent =
      this.name === sessionName
        ? inTime(idleTimeoutMs - sinceMs)
        : `${timeText(idleTimeoutMs)} after its own last request`;
  }

  #showRunners(runners) {
    const keys = new Set(runners.map(({ key }) => key));
    for (const [key, item] of this.#runners) {
      if (keys.has(key)) continue;
      item.element.remove();
      this.#runners.delete(key);
    }
    for (const runner of runners) {
      if (!this.#runners.has(runner.key)) this.#addRunner(runner);
      this.#runners.get(runner.key).show(runner);
    }
    this.#field('no-runners').hidden = runners.length > 0;
  }

  #addRunner(runner) {
    const item = new RunnerItem(runner, this.name);
    this.#runners.set(runner.key, item);
    this.#field('runners').append(item.element);
  }

  #field(name) {
    return this.element.querySelector(`[data-field=${name}]`);
  }
}

class RunnerItem {
  #state = make('span');
  #bar;

  constructor({ key, number, name, kind }, session) {
    const text = `${name ?? 'runner'} ${number}`;
    const path = PAGES.get(name);
    const query = session === 'b' ? '?session=b' : '';
    this.#bar = make('progress', { 'aria-label': `Progress of ${text}` });
    const title = path === undefined ? text : make('a', { href: `${path}${query}#${key}` }, text);
    this.element = make('li', {}, title, ` (${kind}): `, this.#state, this.#bar);
  }

  show({ status, progress: { reached, estimatedEnd } }) {
    const end = estimatedEnd === undefined ? '' : ` of ${estimatedEnd}`;
    this.#state.textContent = `${status}, ${reached}${end}`;
    // Without an end there is nothing to be a part of.
    this.#bar.hidden = !(estimatedEnd > 0);
    if (this.#bar.hidden) return;
    this.#bar.max = estimatedEnd;
    this.#bar.value = Math.min(reached, estimatedEnd);
  }
}

function serviceItem({ name, scope, instance, holds }) {
  return make('li', {}, `${name}, ${SCOPES.get(scope)}: object ${instance}, ${holds}`);
}

function inTime(ms) {
  return ms > 0 ? `in ${timeText(ms)}` : 'about now';
}

/** 1:02:03, or 2:03 */
function timeText(ms) {
  const seconds = Math.floor(ms / 1_000);
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}
