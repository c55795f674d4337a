/* What all pages do alike. */
import { persistentRequest } from './requests.js';

export const element = (id) => document.getElementById(id);

/** The status line is read aloud: it changes when something happens, and only then. */
export function say(text) {
  if (element('status').textContent !== text) element('status').textContent = text;
}

/** For `onRetry` of a request. */
export function sayRetry() {
  say('No answer from the server. Trying again…');
}

/** Shows the id of the session in the page's head. @returns what the API tells of the session */
export async function showSession() {
  const { answer } = await persistentRequest('GET', '/api/session', { onRetry: sayRetry });
  element('session').textContent = `${answer.id}:${answer.generation}`;
  return answer;
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

// The link by itself would put its own name where some pages keep in the address what they show.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  element('main').focus();
});
