/*
 * Shows one search at a time. The rows arrive by a simple protocol: the page keeps one number, the cursor. Every read
 * asks for the rows from there; an answer is applied only if it starts there, and moves the cursor to its end. After
 * any failure the same question is asked again, so that nothing is lost or shown twice.
 */
import {
  act,
  element,
  hideEnded,
  keepInAddress,
  leaveAddress,
  make,
  say,
  sayRetry,
  showIfEnded,
  showSession,
} from './page.js';
import { persistentRequest, randomKey } from './requests.js';

const FINAL_STATUS = new Map([
  ['completed', 'Completed.'],
  ['failed', 'Failed.'],
  ['aborted', 'Stopped.'],
]);
/** Why, the banner says. */
const GONE = 'This search is gone.';
const MAX_ROWS_SHOWN = 2000;
/** The figures on the page are so old at most, also where nothing is found. */
const WAIT_SECONDS = 1;
const form = element('search-form');
const submitButton = form.querySelector('[type=submit]');

/** The search that is shown. A new one ends the requests of the one before; its runner goes on at the server. */
let view = { key: '', cursor: 0, repeats: 0, requests: new AbortController() };

// ---- the search shown -----------------------------------------------------------------------------------------------

function showNew(key) {
  view.requests.abort();
  hideEnded();
  view = { key, cursor: 0, repeats: 0, requests: new AbortController() };
  element('rows').replaceChildren();
  element('count').textContent = '0';
  element('repeats').textContent = '0';
  element('figures').textContent = '';
  element('progress').value = 0;
  showLink();
  element('cap').hidden = true;
  element('stop').disabled = true;
  submitButton.disabled = false;
  return view;
}

async function start() {
  const shown = showNew('');
  leaveAddress();
  const body = {
    text: form.elements.text.value,
    regex: form.elements.regex.checked,
    folder: form.elements.folder.value,
    source: form.elements.source.value,
    dedupeKey: randomKey(), // When this request is sent again, it starts no second search.
  };
  submitButton.disabled = true;
  say('Searching…');
  const { status, answer } = await ask(shown, 'POST', '/api/searches', body);
  submitButton.disabled = false;
  if (status !== 201) return say(answer.detail);
  shown.key = answer.key;
  keepInAddress(answer.key);
  showLink();
  apply(shown, answer);
  await Promise.all([showHistory(), follow(shown, answer.status)]);
}

async function open(key) {
  const shown = showNew(key);
  say('Searching…');
  const entry = (await showHistory()).find((other) => other.key === key);
  if (entry !== undefined) fillForm(entry);
  await follow(shown);
}

/** Asks until there is an answer. With the switch on, the next one is lost, as if the network had broken. */
function ask(shown, method, path, body) {
  const onAnswer = () => {
    if (!element('lose').checked) return;
    element('lose').checked = false;
    throw new Error('It is lost.');
  };
  const onRetry = () => {
    shown.repeats += 1;
    element('repeats').textContent = String(shown.repeats);
    say('The answer was lost. Asking again…');
  };
  return persistentRequest(method, path, { body, signal: shown.requests.signal, onAnswer, onRetry });
}

async function follow(shown, firstStatus) {
  let status = firstStatus;
  element('stop').disabled = FINAL_STATUS.has(status);
  while (!FINAL_STATUS.has(status)) {
    const path = `/api/searches/${encodeURIComponent(shown.key)}?from=${shown.cursor}&wait=${WAIT_SECONDS}`;
    const read = await ask(shown, 'GET', path);
    showIfEnded(read);
    if (read.status === 200) status = apply(shown, read.answer);
    else if (read.status === 409 && read.answer.from === shown.cursor) shown.cursor = read.answer.oldest;
    else return finish(read.status === 410 ? GONE : read.answer.detail);
  }
  await showHistory(); // It tells how each search has ended.
}

function apply(shown, page) {
  if (page.from !== shown.cursor) return undefined;
  appendRows(page.rows);
  shown.cursor = page.position;
  element('count').textContent = String(shown.cursor);
  element('cap').hidden = shown.cursor <= MAX_ROWS_SHOWN;
  element('cap').textContent = `, the last ${MAX_ROWS_SHOWN} are shown`;
  showFigures(page);
  const end = FINAL_STATUS.get(page.status);
  // The status is read aloud: it changes when something happens, not with every page.
  if (page.ended !== undefined) finish(GONE);
  else if (end === undefined) say('Searching…');
  else finish(`${end} ${page.error?.message ?? `${shown.cursor} rows.`}`);
  return page.status;
}

function showFigures({ files, progress, status }) {
  const bar = element('progress');
  bar.max = files.known || 1;
  if (files.isCounted || FINAL_STATUS.has(status)) bar.value = files.read;
  else bar.removeAttribute('value'); // How far it is of how much, nobody knows yet.
  const figures = [
    `${files.read} of ${files.known} files${files.isCounted ? '' : ' found so far'}`,
    `${Math.round(progress.ratePerSecond ?? 0)} rows per second`,
  ];
  if (files.etaMs > 0 && !FINAL_STATUS.has(status)) figures.push(`about ${Math.ceil(files.etaMs / 1000)} s left`);
  element('figures').textContent = figures.join(', ');
}

function finish(text) {
  element('stop').disabled = true;
  say(text);
}

function appendRows(rows) {
  const fragment = document.createDocumentFragment();
  for (const { file, line, text } of rows.slice(-MAX_ROWS_SHOWN)) fragment.append(rowOf([file, line, text]));
  const table = element('rows');
  table.append(fragment);
  while (table.childElementCount > MAX_ROWS_SHOWN) table.firstElementChild.remove();
}

function rowOf(values) {
  return make('tr', { role: 'row' }, ...values.map((value) => make('td', { role: 'cell' }, String(value))));
}

// ---- the rest of the page -------------------------------------------------------------------------------------------

async function showHistory() {
  const { history, runners } = await showSession();
  const statuses = new Map(runners.map(({ key, status }) => [key, FINAL_STATUS.has(status) ? status : 'at work']));
  element('history').replaceChildren(...history.map((entry) => historyItem(entry, statuses.get(entry.key) ?? 'gone')));
  element('no-history').hidden = history.length > 0;
  return history;
}

/** Says what the search that is shown is for. */
function fillForm({ text, regex, folder, source }) {
  form.elements.text.value = text;
  form.elements.folder.value = folder;
  form.elements.source.value = source;
  form.elements.regex.checked = regex;
}

function historyItem({ key, text, regex, folder, source, startedAt }, status) {
  const link = make('a', { href: `#${key}`, ...(key === view.key && { 'aria-current': 'true' }) }, text);
  const what = `${source === 'synchronous' ? ' among the words' : ''}${regex ? ', regular expression' : ''}`;
  const where = folder && `, in ${folder}`;
  return make('li', {}, link, `${what}${where}, ${new Date(startedAt).toLocaleTimeString()}, ${status}`);
}

async function newSession() {
  showNew('');
  await persistentRequest('DELETE', '/api/session', { onRetry: sayRetry });
  keepInAddress('');
  await showHistory();
  say('This is a new session.');
}

async function stop() {
  const { key, requests } = view;
  const path = `/api/searches/${encodeURIComponent(key)}`;
  const { status, answer } = await persistentRequest('DELETE', path, { signal: requests.signal, onRetry: sayRetry });
  if (status >= 400) finish(answer.detail); // Otherwise the read that waits answers now, with the final status.
}

async function showPageSize() {
  const { answer } = await persistentRequest('GET', '/api/preferences', { onRetry: sayRetry });
  form.elements.pageSize.value = answer.pageSize;
}

async function changePageSize() {
  const body = { pageSize: form.elements.pageSize.valueAsNumber };
  const { status, answer } = await persistentRequest('PUT', '/api/preferences', { body, onRetry: sayRetry });
  say(status === 200 ? `Pages have ${answer.pageSize} rows now.` : answer.detail);
}

/** To the same search: both tabs read it, each with a cursor of its own. */
function showLink() {
  element('second-tab').href = `${location.pathname}${location.search}${view.key && `#${view.key}`}`;
}

async function openFromHash() {
  const key = location.hash.slice(1);
  if (key === view.key) return;
  if (key !== '') return open(key);
  showNew('');
  say('No search yet.');
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void act(start);
});
form.elements.pageSize.addEventListener('change', () => act(changePageSize));
element('stop').addEventListener('click', () => act(stop));
element('new-session').addEventListener('click', () => act(newSession));
window.addEventListener('hashchange', () => act(openFromHash));

await act(async () => {
  await showHistory();
  await showPageSize();
  await openFromHash();
});
