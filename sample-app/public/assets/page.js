/* What all pages do alike. */
import { briefly } from './end-reasons.js';
import { persistentRequest } from './requests.js';

export const element = (id) => document.getElementById(id);

/** The status line is read aloud: it changes when something happens, and only then. */
export function say(text) {
  if (element('status').textContent !== text) element('status').textContent = text;
}

const RETRY = 'No answer from the server. Trying again…';

/** For `onRetry` of a request. @returns shows again what was there before, unless something has happened */
export function sayRetry() {
  const status = element('status');
  const before = [...status.childNodes];
  say(RETRY);
  return () => {
    if (status.textContent === RETRY) status.replaceChildren(...before);
  };
}

/** Shows the id of the session in the page's head. @returns what the API tells of the session */
export async function showSession() {
  const { answer } = await persistentRequest('GET', '/api/session', { onRetry: sayRetry });
  showSessionId(answer);
  return answer;
}

export function showSessionId({ id, generation }) {
  element('session').textContent = `${id}:${generation}`;
}

/** The address names what is shown, so that a reload finds it. @param key '' for nothing */
export function keepInAddress(key) {
  history.replaceState(null, '', location.pathname + location.search + (key && `#${key}`));
}

/** What is started next has an address of its own: "back" leads to what is shown now. */
export function leaveAddress() {
  if (location.hash !== '') history.pushState(null, '', location.pathname + location.search);
}

/** Leads to another page in the session of this one. */
export function pathTo(path, hash = '') {
  return `${path}${location.search}${hash}`;
}

/**
 * Shows that the session has ended if an answer says so, and leads to the page that tells more: a read that waited tells
 * why (`ended`), as do the details of a 410 (`reason`). What has gone with its session is 410, too.
 * @returns whether it has ended
 */
export function showIfEnded({ status, answer }) {
  const reason = status === 410 ? answer.reason : answer.ended;
  if (status !== 410 && reason === undefined) return false;
  showEnded(reason);
  return true;
}

/** @param reason undefined where it is not known */
export function showEnded(reason) {
  hideEnded();
  const link = make('a', { href: pathTo('/ended') }, 'See what happened');
  element('status').before(make('p', { id: 'ended', class: 'banner', role: 'alert' }, briefly(reason), ' ', link));
}

export function hideEnded() {
  element('ended')?.remove();
}

/** Runs an action of the user; that another one has taken its place is no error. */
export async function act(action) {
  try {
    await action();
  } catch (error) {
    if (error.name !== 'AbortError') say(`Something went wrong: ${error.message}`);
  }
}

/** @param parts texts and elements */
export function make(tag, attributes = {}, ...parts) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...parts);
  return made;
}

// Whoever clicks twice out of habit means once, also where the first click is answered before the second one comes.
document.addEventListener(
  'click',
  (event) => {
    if (event.detail < 2 || event.target.closest('.main, #new-session, #logout') === null) return;
    event.preventDefault();
    event.stopPropagation();
  },
  { capture: true },
);

// The link by itself would put its own name where some pages keep in the address what they show.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  element('main').focus();
});
