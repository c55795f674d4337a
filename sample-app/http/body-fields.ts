import { BadInputError } from './bad-input.error.js';

/** The body as an object that has only the fields named: a misspelt field is an error, not a default. */
export function bodyFields(body: unknown, allowed: readonly string[]): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new BadInputError('The body must be a JSON object, sent as application/json.');
  }
  const unknown = Object.keys(body).find((field) => !allowed.includes(field));
  if (unknown !== undefined) {
    const shown = JSON.stringify(unknown.slice(0, 50));
    throw new BadInputError(`The field ${shown} is not known. Known fields: ${allowed.join(', ')}.`);
  }
  return body as Record<string, unknown>;
}
