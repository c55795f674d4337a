import { BadInputError } from '../http/bad-input.error.js';
import { type CharSet, charSetOf } from './char-set.js';

export type RegexPart =
  | { kind: 'char'; set: CharSet }
  | { kind: 'repeat'; set: CharSet; min: number; max: number }
  | { kind: 'assertion' }
  | { kind: 'choice'; branches: RegexPart[][] };

const QUANTIFIER = /(?:[*+?]|\{(\d+)(,(\d*))?\})\??/uy;
const ASSERTION = /[$^]|\\[bB]/uy;
const CHAR_CLASS = /\[(?:[^\\\]]|\\.)*\]/uy;
const KNOWN_ESCAPE = /\\[dDsSwWfnrtv^$\\.*+?()[\]{}|/-]/uy;
const ANY_ESCAPE = /\\./gu;
const GROUP_START = /\((?:\?:)?(?!\?)/uy;

export function refusal(reason: string): BadInputError {
  return new BadInputError(`This regular expression is refused, because it might not run in linear time: ${reason}`);
}

/** Reads the subset that `checkLinear` can judge. `pattern` has been compiled by the engine: its syntax is right. */
export function parseRegex(pattern: string): RegexPart[][] {
  return new RegexReader(pattern).branches();
}

class RegexReader {
  private at = 0;

  constructor(private readonly pattern: string) {}

  branches(): RegexPart[][] {
    const branches = [this.sequence()];
    while (this.take(/\|/y) !== undefined) branches.push(this.sequence());
    return branches;
  }

  private sequence(): RegexPart[] {
    const parts: RegexPart[] = [];
    while (this.at < this.pattern.length && !/[|)]/.test(this.next())) parts.push(this.part());
    return parts;
  }

  private part(): RegexPart {
    if (this.take(ASSERTION) !== undefined) return { kind: 'assertion' };
    if (this.next() === '(') return this.group();
    const set = charSetOf(this.singleChar());
    const bounds = this.quantifier();
    return bounds === undefined ? { kind: 'char', set } : { kind: 'repeat', set, ...bounds };
  }

  private group(): RegexPart {
    if (this.take(GROUP_START) === undefined) {
      throw refusal('lookaheads, lookbehinds, named groups and flags in a group are not accepted.');
    }
    const branches = this.branches();
    this.take(/\)/y);
    const bounds = this.quantifier();
    if (bounds === undefined) return { kind: 'choice', branches };
    if (bounds.max > 1) throw refusal('a group may be optional, but not repeated, as in (a+)+ or (a|ab)*.');
    return { kind: 'choice', branches: [...branches, []] };
  }

  private singleChar(): string {
    const charClass = this.take(CHAR_CLASS);
    if (charClass !== undefined) {
      charClass.match(ANY_ESCAPE)?.forEach(checkEscape);
      return charClass;
    }
    if (this.next() !== '\\') return this.take(/./suy) ?? '';
    const escape = this.take(KNOWN_ESCAPE);
    if (escape === undefined) checkEscape(this.pattern.slice(this.at, this.at + 2));
    return escape ?? '';
  }

  private quantifier(): { min: number; max: number } | undefined {
    const text = this.take(QUANTIFIER);
    if (text === undefined) return undefined;
    if (text.startsWith('*')) return { min: 0, max: Infinity };
    if (text.startsWith('+')) return { min: 1, max: Infinity };
    if (text.startsWith('?')) return { min: 0, max: 1 };
    const [min = '', max] = text.replace(/[{}?]/g, '').split(',');
    return { min: Number(min), max: max === undefined ? Number(min) : Number(max || Infinity) };
  }

  private next(): string {
    return this.pattern.charAt(this.at);
  }

  private take(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.at;
    const [text] = sticky.exec(this.pattern) ?? [];
    this.at += text?.length ?? 0;
    return text;
  }
}

function checkEscape(escape: string): void {
  KNOWN_ESCAPE.lastIndex = 0;
  if (KNOWN_ESCAPE.test(escape)) return;
  if (/\\[1-9k]/.test(escape)) throw refusal('backreferences are not accepted.');
  throw refusal(`the escape ${escape} is not accepted; write the character itself.`);
}
