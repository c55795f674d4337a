/*
 * Shows one search at a time. The rows arrive by a simple protocol: the page keeps one number, the cursor. Every read
 * asks for the rows from there; an answer is applied only if it starts there, and moves the cursor to its end. After
 * any failure the same question is asked again, so that nothing is lost or shown twice.
 */
const FINAL_STATUS = new Map([
  ['completed', 'Completed.'],
  ['failed', 'Failed.'],
  ['aborted', 'Stopped.'],
]);
const MAX_ROWS_SHOWN = 2000;
const WAIT_SECONDS = 20;
const REQUEST_TIMEOUT_MS = (WAIT_SECONDS + 10) * 1000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8000;

const element = (id) => document.getElementById(id);
const form = element('search-form');
const submitButton = form.querySelector('[type=submit]');

/** The search that is shown. A new one ends the requests of the one before; its runner goes on at the server. */
let view = { key: '', cursor: 0, requests: new AbortController() };

// ---- requests -------------------------------------------------------------------------------------------------------

async function request(method, path, { body, signal } = {}) {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const response = await fetch(path, {
    method,
    headers: body ? { 'Content-Type': 'application/json' } : {},
    body: body && JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  const text = await response.text();
  return { status: response.status, answer: text === '' ? {} : JSON.parse(text) };
}

/** Asks the same again until there is an answer; errors of the server and of the network are no answers. */
async function persistentRequest(method, path, options = {}) {
  for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(delayMs * 2, LAST_RETRY_MS)) {
    try {
      const result = await request(method, path, options);
      if (result.status < 500 && result.status !== 429) return result;
    } catch (error) {
      if (options.signal?.aborted) throw error;
    }
    say('No answer from the server. Trying again…');
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    options.signal?.throwIfAborted();
  }
}

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
  const { status, answer } = await persistentRequest('POST', '/api/searches', { body, signal });
  submitButton.disabled = false;
  if (status !== 201) return say(answer.detail);
  shown.key = answer.key;
  history.replaceState(null, '', `#${answer.key}`); // A reload finds the search again.
  apply(shown, answer);
  await Promise.all([showSession(), follow(shown, answer.status)]);
}

async function open(key) {
  const shown = showNew(key);
  say('Searching…');
  await showSession();
  await follow(shown);
}

async function follow(shown, firstStatus) {
  const { signal } = shown.requests;
  let status = firstStatus;
  element('stop').disabled = FINAL_STATUS.has(status);
  while (!FINAL_STATUS.has(status)) {
    const path = `/api/searches/${encodeURIComponent(shown.key)}?from=${shown.cursor}&wait=${WAIT_SECONDS}`;
    const read = await persistentRequest('GET', path, { signal });
    if (read.status === 200) status = apply(shown, read.answer);
    else if (read.status === 409 && read.answer.from === shown.cursor) shown.cursor = read.answer.oldest;
    else return finish(read.status === 410 ? 'This search is gone: its session has ended.' : read.answer.detail);
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
  if (end === undefined) say('Searching…');
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
  const row = document.createElement('tr');
  row.setAttribute('role', 'row');
  for (const value of values) {
    const cell = document.createElement('td');
    cell.setAttribute('role', 'cell');
    cell.textContent = value;
    row.append(cell);
  }
  return row;
}

// ---- the rest of the page -------------------------------------------------------------------------------------------

function say(text) {
  if (element('status').textContent !== text) element('status').textContent = text;
}

async function showSession() {
  const { answer } = await persistentRequest('GET', '/api/session');
  element('session').textContent = `${answer.id}:${answer.generation}`;
  element('history').replaceChildren(...answer.history.map(historyItem));
  element('no-history').hidden = answer.history.length > 0;
}

function historyItem({ key, text, regex, folder, startedAt }) {
  const link = document.createElement('a');
  link.href = `#${key}`;
  link.textContent = text;
  if (key === view.key) link.setAttribute('aria-current', 'true');
  const kind = regex ? ', regular expression' : '';
  const item = document.createElement('li');
  item.append(link, `${kind}${folder && `, in ${folder}`}, ${new Date(startedAt).toLocaleTimeString()}`);
  return item;
}

async function newSession() {
  await persistentRequest('DELETE', '/api/session');
  showNew('');
  clearHash();
  await showSession();
  say('This is a new session.');
}

async function stop() {
  const { key, requests } = view;
  const path = `/api/searches/${encodeURIComponent(key)}`;
  const { status, answer } = await persistentRequest('DELETE', path, { signal: requests.signal });
  if (status >= 400) finish(answer.detail); // Otherwise the read that waits answers now, with the final status.
}

async function showPageSize() {
  const { answer } = await persistentRequest('GET', '/api/preferences');
  form.elements.pageSize.value = answer.pageSize;
}

async function changePageSize() {
  const body = { pageSize: form.elements.pageSize.valueAsNumber };
  const { status, answer } = await persistentRequest('PUT', '/api/preferences', { body });
  say(status === 200 ? `Pages have ${answer.pageSize} rows now.` : answer.detail);
}

/** With the key of a search that is not shown in the address, a click on its link would change nothing. */
function clearHash() {
  history.replaceState(null, '', location.pathname);
}

async function openFromHash() {
  const key = location.hash.slice(1);
  if (key !== '' && key !== view.key) await open(key);
}

/** Not `randomUUID`: browsers have it only on pages from https or localhost. */
function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Runs an action of the user; that another one has taken its place is no error. */
async function act(action) {
  try {
    await action();
  } catch (error) {
    if (error.name !== 'AbortError') say(`Something went wrong: ${error.message}`);
  }
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
  await showSession();
  await showPageSize();
  await openFromHash();
});
