import { BadInputError } from '../http/bad-input.error.js';
import { bodyFields } from '../http/body-fields.js';

const MAX_TEXT_CHARS = 200;
const MAX_FOLDER_CHARS = 1_000;
const MAX_DEDUPE_KEY_CHARS = 100;

export interface SearchRequest {
  text: string;
  regex: boolean;
  folder: string;
  dedupeKey: string | undefined;
}

/** Checks the form of the body only; the pattern and the folder have checks of their own. */
export function parseSearchRequest(body: unknown): SearchRequest {
  const fields = bodyFields(body, ['text', 'regex', 'folder', 'dedupeKey']);
  const { regex = false } = fields;
  if (typeof regex !== 'boolean') throw new BadInputError('regex must be true or false.');
  return {
    text: requiredText(fields.text),
    regex,
    folder: optionalString('folder', fields.folder, MAX_FOLDER_CHARS) ?? '',
    dedupeKey: optionalString('dedupeKey', fields.dedupeKey, MAX_DEDUPE_KEY_CHARS),
  };
}

function requiredText(text: unknown): string {
  if (typeof text !== 'string' || text === '' || text.length > MAX_TEXT_CHARS) {
    throw new BadInputError(`text must be a string of 1 to ${MAX_TEXT_CHARS} characters.`);
  }
  return text;
}

function optionalString(field: string, value: unknown, maxChars: number): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length > maxChars) {
    throw new BadInputError(`${field} must be a string of at most ${maxChars} characters.`);
  }
  return value;
}
