/*
 * A trigger waits until the work has come so many reports further:
 *
 *   ready -Start-> waiting -answer, time-out, Abort-> result -Reset-> ready
 *
 * and it is unavailable while there is nothing to wait for. Each asks by requests of its own, always from the position
 * where it was started, so that a lost answer does not move its goal. A request that is aborted waits no longer at the
 * server either.
 */
import { act } from './page.js';
import { persistentRequest } from './requests.js';
import { FINAL_STATUS } from './runner-view.js';
import { bytes, count } from './units.js';

/** Short: a browser has six connections to a server for all its tabs, and every trigger that waits has one of them. */
const POLL_SECONDS = 5;

const BUTTONS = new Map([
  ['ready', 'Start'],
  ['waiting', 'Abort'],
  ['result', 'Reset'],
  ['unavailable', 'Start'],
]);

const UNAVAILABLE = ['unavailable', 'Unavailable: nothing is being counted.'];

export class Trigger {
  state = '';
  /** Aborts the requests; undefined while there are none. */
  waiting = undefined;

  /** @param view whose runner it waits for */
  constructor(form, view) {
    Object.assign(this, { form, view });
    this.button = form.querySelector('button');
    this.output = form.querySelector('output');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void act(() => this.press());
    });
    this.reset();
  }

  /** What the view shows has changed. A trigger that waits learns by itself how that ends. */
  refresh() {
    if (this.state === 'ready' || this.state === 'unavailable') this.rest();
  }

  reset() {
    this.stopWaiting();
    this.rest();
  }

  async press() {
    if (this.state === 'ready') return this.start();
    if (this.state === 'result') return this.reset();
    this.stopWaiting();
    this.enter('result', 'Aborted.');
  }

  rest() {
    this.enter(...(this.view.isRunning ? ['ready', 'Ready.'] : UNAVAILABLE));
  }

  async start() {
    const from = this.view.cursor;
    const advance = this.form.elements.advance.valueAsNumber;
    const timeoutSeconds = this.form.elements.timeout.valueAsNumber;
    const waiting = new AbortController();
    this.waiting = waiting;
    this.enter('waiting', `Waiting for report ${count(from + advance)}…`);
    const outcome = await this.wait({ from, advance, timeoutSeconds, waiting });
    if (this.waiting !== waiting) return;
    this.waiting = undefined;
    this.enter(...outcome);
  }

  /** @returns the next state, and what to say */
  async wait({ from, advance, timeoutSeconds, waiting }) {
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
    const signal = AbortSignal.any([waiting.signal, timeout]);
    const path = `${this.view.address}?from=${from}&advance=${advance}&wait=${POLL_SECONDS}`;
    try {
      for (;;) {
        const { status, answer } = await persistentRequest('GET', path, { signal });
        const outcome = outcomeOf(status, answer, from + advance);
        if (outcome !== undefined) return outcome;
      }
    } catch (error) {
      if (timeout.aborted) return ['result', `Timed out after ${count(timeoutSeconds)} s.`];
      throw error;
    }
  }

  stopWaiting() {
    this.waiting?.abort();
    this.waiting = undefined;
  }

  enter(state, text) {
    this.state = state;
    this.form.dataset.state = state;
    this.button.textContent = BUTTONS.get(state);
    this.button.disabled = state === 'unavailable';
    for (const input of this.form.querySelectorAll('input')) input.disabled = state !== 'ready';
    if (this.output.textContent !== text) this.output.textContent = text;
  }
}

/** Undefined where it has to be asked again. */
function outcomeOf(status, answer, goal) {
  if (status === 410 || answer.ended !== undefined) return UNAVAILABLE;
  if (status !== 200) return ['result', answer.detail];
  const { position, totals } = answer;
  if (position >= goal) {
    return ['result', `Fired at report ${count(position)}: ${count(totals.files)} files, ${bytes(totals.bytes)}.`];
  }
  if (FINAL_STATUS.has(answer.status)) return ['result', `Not reached: the last report was ${count(position)}.`];
  return undefined;
}
