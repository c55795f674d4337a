/*
 * One runner on a page: started, followed to its end, stopped, and found again by its key in the page's address. The
 * page keeps one number, the cursor, and every read asks from there; an answer counts only if it starts there. After
 * any failure the same is asked again, so that nothing is lost or shown twice; another tab has a cursor of its own.
 */
import { act, element, keepInAddress, leaveAddress, make, say, sayRetry, showSession } from './page.js';
import { persistentRequest, randomKey } from './requests.js';

export const FINAL_STATUS = new Map([
  ['completed', 'Completed.'],
  ['failed', 'Failed.'],
  ['aborted', 'Stopped.'],
]);
const WAIT_SECONDS = 20;
/** A read that is behind answers at once, and there may be hundreds of reports in a second: this is live enough. */
const PAUSE_MS = 200;

export class RunnerView {
  key = '';
  cursor = 0;
  /** As the last answer said; '' before the first one. */
  status = '';
  /** Its session has ended, be it by the user or because the server has started again. */
  isGone = false;
  requests = new AbortController();

  /**
   * @param path of the API
   * @param noneText the status where there is none yet
   * @param goneText a sentence for when it is gone
   * @param body makes the body of the request that starts one from the form's fields
   * @param clear shows that there is nothing yet
   * @param apply shows an answer
   * @param onGone called when it is gone
   */
  constructor({ path, noneText, goneText, body, clear, apply, onGone }) {
    Object.assign(this, { path, noneText, goneText, body, clear, apply, onGone });
    this.form = element('start-form');
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      void act(() => this.start());
    });
    element('stop').addEventListener('click', () => act(() => this.stop()));
    window.addEventListener('hashchange', () => act(() => this.openFromHash()));
  }

  get isFinal() {
    return FINAL_STATUS.has(this.status);
  }

  get isRunning() {
    return this.status !== '' && !this.isFinal && !this.isGone;
  }

  /** The address of its runner. */
  get address() {
    return `${this.path}/${encodeURIComponent(this.key)}`;
  }

  async openFromHash() {
    const key = location.hash.slice(1);
    if (key === this.key) return;
    this.show(key);
    if (key === '') return say(this.noneText);
    say('Looking for it…');
    await this.follow();
  }

  async start() {
    this.show('');
    leaveAddress();
    const { signal } = this.requests;
    // With the key of its own it starts one runner, however often it is sent.
    const body = { ...this.body(this.form.elements), dedupeKey: randomKey() };
    this.submitButton.disabled = true;
    say('Starting…');
    const { status, answer } = await persistentRequest('POST', this.path, { body, signal, onRetry: sayRetry });
    this.submitButton.disabled = false;
    if (status !== 201) return say(answer.detail);
    this.key = answer.key;
    keepInAddress(answer.key);
    this.take(answer);
    await this.follow();
  }

  async stop() {
    const { signal } = this.requests;
    const { status, answer } = await persistentRequest('DELETE', this.address, { signal, onRetry: sayRetry });
    // Otherwise the read that waits answers now, with the final status.
    if (status >= 400) this.end(status, answer);
  }

  /** Shows another runner; the one before goes on at the server. */
  show(key) {
    this.requests.abort();
    Object.assign(this, { key, cursor: 0, status: '', isGone: false, requests: new AbortController() });
    this.submitButton.disabled = false;
    element('stop').disabled = key === '';
    this.clear();
  }

  async follow() {
    const { signal } = this.requests;
    while (!this.isFinal) {
      const path = `${this.address}?from=${this.cursor}&wait=${this.status === '' ? 0 : WAIT_SECONDS}`;
      const { status, answer } = await persistentRequest('GET', path, { signal, onRetry: sayRetry });
      if (status !== 200) return this.end(status, answer);
      this.take(answer);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      signal.throwIfAborted();
    }
  }

  take(answer) {
    if (answer.from !== this.cursor) return;
    this.cursor = answer.position;
    this.status = answer.status;
    element('stop').disabled = this.isFinal;
    this.apply(answer);
    if (answer.ended !== undefined) this.leave();
    else if (this.isFinal) say(`${FINAL_STATUS.get(this.status)} ${answer.error?.message ?? ''}`.trim());
    else say('Running…');
  }

  end(status, { detail }) {
    element('stop').disabled = true;
    if (status === 410) this.leave();
    else say(detail);
  }

  leave() {
    this.isGone = true;
    this.requests.abort();
    const link = make('a', { href: `/ended${location.search}` }, 'What has happened?');
    element('status').replaceChildren(`${this.goneText} `, link);
    this.onGone?.();
    void act(showSession); // The next start is in the next session.
  }

  get submitButton() {
    return this.form.querySelector('[type=submit]');
  }
}
