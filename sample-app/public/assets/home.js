/*
 * Shows the sessions of the user side by side, and who is logged in. The requests of this page take turns: one with the
 * old cookie that comes after a login would be a new visitor's.
 */
import { act, element, hideEnded, pathTo, say, sayRetry, showEnded, showSessionId } from './page.js';
import { persistentRequest, sessionName } from './requests.js';
import { SessionCard } from './session-card.js';

const POLL_MS = 4_000;
/** Asking is a use of the session: after so long without a sign of the user it stops. */
const QUIET_AFTER_MS = 30_000;
const SIGNS_OF_USE = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'focus'];
const loginForm = element('login-form');

const cards = new Map();
/** The id and generation that are shown; undefined where others are no surprise. */
let shownSession;
let summary = '';
let usedAt = performance.now();
let lastTurn = Promise.resolve();

// ---- the sessions ---------------------------------------------------------------------------------------------------

async function showSessions() {
  const { status, answer } = await persistentRequest('GET', '/api/sessions', { onRetry: retryAloud });
  if (status !== 200) throw new Error(answer.detail);
  const { sessions } = answer;
  for (const name of cards.keys()) if (sessions.every((session) => session.name !== name)) removeCard(name);
  for (const session of sessions) cardOf(session.name).show(session);
  const own = sessions.find(({ name }) => name === sessionName);
  showSessionId(own);
  showWayToOther();
  const session = `${own.id}:${own.generation}`;
  if (shownSession !== undefined && shownSession !== session) await showWhyEnded();
  shownSession = session;
  sayWhatIsNew(summaryOf(sessions));
  return own;
}

/** What the status line says of an action stays until something happens. */
function sayWhatIsNew(newSummary) {
  if (newSummary === summary) return;
  summary = newSummary;
  say(summary);
}

function retryAloud() {
  summary = '';
  return sayRetry();
}

function cardOf(name) {
  if (!cards.has(name)) cards.set(name, addCard(name));
  return cards.get(name);
}

function addCard(name) {
  const card = new SessionCard(name);
  if (name === 'a') element('sessions').prepend(card.element);
  else element('sessions').append(card.element);
  return card;
}

function removeCard(name) {
  cards.get(name).element.remove();
  cards.delete(name);
}

async function showWhyEnded() {
  const { answer } = await persistentRequest('GET', '/api/endings', { onRetry: sayRetry });
  showEnded(answer.endings?.find(({ name }) => name === sessionName)?.reason);
}

function summaryOf(sessions) {
  const texts = sessions.map(({ name, runners }) => `session ${name} has ${counted(runners.length, 'runner')}`);
  const text = `${texts.join(', ')}.`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function counted(count, what) {
  return `${count === 0 ? 'no' : count} ${what}${count === 1 ? '' : 's'}`;
}

async function newSession() {
  await persistentRequest('DELETE', '/api/session', { onRetry: sayRetry });
  shownSession = undefined;
  hideEnded();
  const { generation } = await showSessions();
  say(`This is a new session, generation ${generation}.`);
}

function showWayToOther() {
  const other = sessionName === 'a' ? 'b' : 'a';
  element('other-session').href = other === 'a' ? '/' : '/?session=b';
  element('other-session').textContent = cards.has(other) ? `Go to session ${other}` : 'Open a second session';
}

// ---- the account ----------------------------------------------------------------------------------------------------

async function showAccount() {
  const { answer } = await persistentRequest('GET', '/api/account', { onRetry: sayRetry });
  showUser(answer.user ?? null);
}

function showUser(user) {
  element('user').textContent = user === null ? 'Nobody is logged in.' : `${user} is logged in.`;
  element('logout').hidden = user === null;
  loginForm.hidden = user !== null;
}

async function logIn(body) {
  if (loginForm.hidden) return;
  const { status, answer } = await persistentRequest('POST', '/api/account/login', { body, onRetry: sayRetry });
  if (status !== 200) return say(answer.detail);
  loginForm.reset();
  showUser(answer.user);
  const before = shownSession;
  shownSession = undefined;
  await showSessions();
  element('logout').focus(); // What had the focus is hidden now.
  const what =
    shownSession === before
      ? 'The session is still the same, with all that you had in it.'
      : 'This session is your own: that of who was logged in before has ended.';
  say(`Welcome, ${answer.user}. ${what}`);
}

async function logOut() {
  const { status, answer } = await persistentRequest('POST', '/api/account/logout', { onRetry: sayRetry });
  if (status === 200) location.assign(pathTo('/ended'));
  else showEnded(answer.reason);
}

// ---- asking for news ------------------------------------------------------------------------------------------------

/** Also of what was done in another tab. */
async function showNews() {
  await showSessions();
  await showAccount();
}

/** One after the other, in the order in which they were asked for. */
function inTurn(action) {
  lastTurn = lastTurn.then(() => act(action));
  return lastTurn;
}

function hasNobody() {
  return document.hidden || performance.now() - usedAt > QUIET_AFTER_MS;
}

/** Somebody is there, again perhaps: then there is news at once. */
function noteUse() {
  const wasQuiet = hasNobody();
  usedAt = performance.now();
  if (wasQuiet) void inTurn(showNews);
}

async function keepAsking() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (!hasNobody()) await inTurn(showNews);
  }
}

loginForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const { username, password } = loginForm.elements;
  const body = { username: username.value, password: password.value };
  void inTurn(() => logIn(body));
});
element('logout').addEventListener('click', () => inTurn(logOut));
element('new-session').addEventListener('click', () => inTurn(newSession));
for (const sign of SIGNS_OF_USE) window.addEventListener(sign, noteUse, { passive: true });
setInterval(() => cards.forEach((card) => card.tick()), 1_000);

await inTurn(showNews);
void keepAsking();
