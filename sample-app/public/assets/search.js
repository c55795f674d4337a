/*
 * Shows one search at a time. The rows arrive by a simple protocol: the page keeps one number, the cursor. Every read
 * asks for the rows from there; an answer is applied only if it starts there, and moves the cursor to its end. After
 * any failure the same question is asked again, so that nothing is lost or shown twice.
 */
import { act, element, make, say, sayRetry, showSession } from './page.js';
import { persistentRequest, randomKey } from './requests.js';

const FINAL_STATUS = new Map([
  ['completed', 'Completed.'],
  ['failed', 'Failed.'],
  ['aborted', 'Stopped.'],
]);
const GONE = 'This search is gone: its session has ended.';
const MAX_ROWS_SHOWN = 2000;
const WAIT_SECONDS = 20;
const form = element('search-form');
const submitButton = form.querySelector('[type=submit]');

/** The search that is shown. A new one ends the requests of the one before; its runner goes on at the server. */
let view = { key: '', cursor: 0, requests: new AbortController() };

// ---- the search shown -----------------------------------------------------------------------------------------------

function showNew(key) {
  view.requests.abort();
  view = { key, cursor: 0, requests: new AbortController() };
  element('rows').replaceChildren();
  element('count').textContent = '0';
  element('cap').hidden = true;
  element('stop').disabled = true;
  submitButton.disabled = false;
  return view;
}

async function start() {
  const shown = showNew('');
  clearHash();
  const { signal } = shown.requests;
  const body = {
    text: form.elements.text.value,
    regex: form.elements.regex.checked,
    folder: form.elements.folder.value,
    dedupeKey: randomKey(), // When this request is sent again, it starts no second search.
  };
  submitButton.disabled = true;
  say('Searching…');
  const { status, answer } = await persistentRequest('POST', '/api/searches', { body, signal, onRetry: sayRetry });
  submitButton.disabled = false;
  if (status !== 201) return say(answer.detail);
  shown.key = answer.key;
  history.replaceState(null, '', `#${answer.key}`); // A reload finds the search again.
  apply(shown, answer);
  await Promise.all([showHistory(), follow(shown, answer.status)]);
}

async function open(key) {
  const shown = showNew(key);
  say('Searching…');
  await showHistory();
  await follow(shown);
}

async function follow(shown, firstStatus) {
  const { signal } = shown.requests;
  let status = firstStatus;
  element('stop').disabled = FINAL_STATUS.has(status);
  while (!FINAL_STATUS.has(status)) {
    const path = `/api/searches/${encodeURIComponent(shown.key)}?from=${shown.cursor}&wait=${WAIT_SECONDS}`;
    const read = await persistentRequest('GET', path, { signal, onRetry: sayRetry });
    if (read.status === 200) status = apply(shown, read.answer);
    else if (read.status === 409 && read.answer.from === shown.cursor) shown.cursor = read.answer.oldest;
    else return finish(read.status === 410 ? GONE : read.answer.detail);
  }
}

function apply(shown, page) {
  if (page.from !== shown.cursor) return undefined;
  appendRows(page.rows);
  shown.cursor = page.position;
  element('count').textContent = String(shown.cursor);
  element('cap').hidden = shown.cursor <= MAX_ROWS_SHOWN;
  element('cap').textContent = `, the last ${MAX_ROWS_SHOWN} are shown`;
  const end = FINAL_STATUS.get(page.status);
  // The status is read aloud: it changes when something happens, not with every page.
  if (page.ended !== undefined) finish(GONE);
  else if (end === undefined) say('Searching…');
  else finish(`${end} ${page.error?.message ?? `${shown.cursor} rows.`}`);
  return page.status;
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
  const { history } = await showSession();
  element('history').replaceChildren(...history.map(historyItem));
  element('no-history').hidden = history.length > 0;
}

function historyItem({ key, text, regex, folder, startedAt }) {
  const link = make('a', { href: `#${key}`, ...(key === view.key && { 'aria-current': 'true' }) }, text);
  const kind = regex ? ', regular expression' : '';
  return make('li', {}, link, `${kind}${folder && `, in ${folder}`}, ${new Date(startedAt).toLocaleTimeString()}`);
}

async function newSession() {
  await persistentRequest('DELETE', '/api/session', { onRetry: sayRetry });
  showNew('');
  clearHash();
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

/** With the key of a search that is not shown in the address, a click on its link would change nothing. */
function clearHash() {
  history.replaceState(null, '', location.pathname + location.search);
}

async function openFromHash() {
  const key = location.hash.slice(1);
  if (key !== '' && key !== view.key) await open(key);
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
