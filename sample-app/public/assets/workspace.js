/*
 * Starts a job, which waits for its turn at the server as long as its request is open, and shows the lines of one job.
 * Who has the workspace is asked for once a second and not pushed: a browser opens six connections to a server at most,
 * and each tab that waits for its turn has one already.
 */
import { act, element, keepInAddress, leaveAddress, make, say, sayRetry, showSession } from './page.js';
import { persistentRequest, randomKey } from './requests.js';

const FINAL_STATUS = new Map([
  ['completed', 'Completed.'],
  ['failed', 'Failed.'],
  ['aborted', 'Stopped.'],
]);
const NO_JOB = 'No job in this tab yet.';
const WAIT_SECONDS = 20;
/** The jobs before it may take their time. */
const TURN_TIMEOUT_MS = 60 * 60_000;
const LOOK_AGAIN_MS = 1_000;
const BYTES_PER_MIB = 1024 * 1024;
const form = element('job-form');
const submitButton = form.querySelector('[type=submit]');
const timeOf = (epochMs) => new Date(epochMs).toLocaleTimeString();
const sizeOf = ({ steps, delayMs }) => `${steps} steps, one every ${delayMs} ms`;

/** The job of this tab. */
let view = { key: '', dedupeKey: '', cursor: 0, requests: new AbortController() };

// ---- the job of this tab --------------------------------------------------------------------------------------------

function showNew({ key = '', dedupeKey = '' }) {
  view.requests.abort();
  view = { key, dedupeKey, cursor: 0, requests: new AbortController() };
  element('lines').replaceChildren();
  showSteps(0, 0);
  element('ended').hidden = true;
  enable({ start: true });
  return view;
}

function enable({ start = false, cancel = false, stop = false }) {
  submitButton.disabled = !start;
  element('cancel').disabled = !cancel;
  element('stop').disabled = !stop;
}

function showSteps(done, wanted) {
  element('count').textContent = String(done);
  element('steps-wanted').textContent = String(wanted);
  element('progress').max = wanted || 1;
  element('progress').value = done;
}

async function start() {
  const dedupeKey = randomKey(); // When the request is sent again, it starts no second job.
  const shown = showNew({ dedupeKey });
  leaveAddress();
  const { signal } = shown.requests;
  const body = {
    steps: form.elements.steps.valueAsNumber,
    delayMs: form.elements.delayMs.valueAsNumber,
    dedupeKey,
  };
  enable({ cancel: true });
  say('Waiting for the workspace…');
  const options = { body, signal, timeoutMs: TURN_TIMEOUT_MS, onRetry: sayRetry };
  const { status, answer } = await persistentRequest('POST', '/api/workspace/jobs', options);
  if (status === 410) return sayGone(answer);
  if (status !== 201) return finish(answer.detail);
  shown.key = answer.key;
  keepInAddress(answer.key);
  await follow(shown, apply(shown, answer));
}

/** With its request the waiting at the server ends, too. */
function cancel() {
  showNew({});
  say('Cancelled: this tab waits no longer.');
}

async function open(key) {
  const shown = showNew({ key });
  say('Looking for the job…');
  await follow(shown);
}

async function follow(shown, firstStatus) {
  const { signal } = shown.requests;
  let status = firstStatus;
  while (!FINAL_STATUS.has(status)) {
    const path = `/api/workspace/jobs/${encodeURIComponent(shown.key)}?from=${shown.cursor}&wait=${WAIT_SECONDS}`;
    const read = await persistentRequest('GET', path, { signal, onRetry: sayRetry });
    if (read.status === 410) return sayGone(read.answer);
    if (read.status !== 200) return finish(read.answer.detail);
    status = apply(shown, read.answer);
  }
}

/** An answer that does not start at the cursor tells nothing new. */
function apply(shown, page) {
  if (page.from !== shown.cursor) return undefined;
  element('lines').append(...page.lines.map(rowOf));
  shown.cursor = page.position;
  showSteps(shown.cursor, page.steps);
  const end = FINAL_STATUS.get(page.status);
  if (end === undefined) {
    enable({ stop: true });
    say(`At work since ${timeOf(page.since)}.`);
  } else if (page.ended !== undefined) sayGone({ code: 'SESSION_ENDED' });
  else finish(`${end} ${page.error?.message ?? `${shown.cursor} of ${page.steps} steps.`}`);
  return page.status;
}

function rowOf({ step, at, heapUsedBytes }) {
  const values = [String(step), timeOf(at), `${(heapUsedBytes / BYTES_PER_MIB).toFixed(1)} MiB`];
  return make('tr', { role: 'row' }, ...values.map((value) => make('td', { role: 'cell' }, value)));
}

async function stop() {
  const { key, requests } = view;
  const path = `/api/workspace/jobs/${encodeURIComponent(key)}`;
  const { status, answer } = await persistentRequest('DELETE', path, { signal: requests.signal, onRetry: sayRetry });
  if (status === 410) sayGone(answer);
  else if (status >= 400) finish(answer.detail);
  // Otherwise the read that waits answers now, with the final status.
}

function finish(text) {
  enable({ start: true });
  say(text);
}

/** The next start is in the next session: its number is in the page's head. */
function sayGone({ code }) {
  finish(code === 'SESSION_ENDED' ? 'The session has ended, and this job with it.' : 'This job is gone.');
  element('ended').hidden = false;
  void act(showSession);
}

// ---- who has the workspace ------------------------------------------------------------------------------------------

async function watchTurns() {
  for (;;) {
    if (document.hidden) await shownAgain(); // A tab in the background does not keep the session from ending.
    const { answer } = await persistentRequest('GET', '/api/workspace', { onRetry: sayUnknown });
    showTurns(answer);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

function shownAgain() {
  return new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
}

function sayUnknown() {
  element('holder').textContent = 'Not known: no answer from the server.';
}

function showTurns({ holder, waiting }) {
  element('holder').textContent = holder === undefined ? 'Nobody.' : sentenceOf(holder);
  element('holder-link').hidden = holder === undefined || holder.key === view.key;
  element('holder-link').href = `${location.pathname}${location.search}#${holder?.key ?? ''}`;
  element('waiting-count').textContent = String(waiting.length);
  element('waiting').replaceChildren(...waiting.map(waitingItem));
}

function sentenceOf({ key, since, status, stepsDone, ...job }) {
  const who = key === view.key ? 'The job of this tab' : 'Another job';
  const doing = FINAL_STATUS.has(status) ? 'now being cleaned up' : `${stepsDone} done`;
  return `${who}, since ${timeOf(since)}: ${sizeOf(job)}, ${doing}.`;
}

function waitingItem({ dedupeKey, since, ...job }) {
  const who = dedupeKey === view.dedupeKey ? 'This tab' : 'Another tab';
  return make('li', {}, `${who}, since ${timeOf(since)}: ${sizeOf(job)}`);
}

// ---- the page -------------------------------------------------------------------------------------------------------

async function openFromHash() {
  const key = location.hash.slice(1);
  if (key === view.key) return;
  if (key !== '') return open(key);
  showNew({});
  say(NO_JOB);
}

element('second-tab').href = location.pathname + location.search;
element('ended-link').href = `/ended${location.search}`;
form.addEventListener('submit', (event) => {
  event.preventDefault();
  void act(start);
});
element('cancel').addEventListener('click', cancel);
element('stop').addEventListener('click', () => act(stop));
window.addEventListener('hashchange', () => act(openFromHash));

await act(showSession);
void act(watchTurns);
await act(openFromHash);
