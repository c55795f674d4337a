import { pathToRegexp } from 'path-to-regexp';
import { BadArgumentError } from '../errors.js';
import { disown } from '../is-thenable.js';
import type { SessionFilter, SessionRequest, SessionRule, SessionRuleObject } from '../options.js';
import { expected } from '../resolve-options.js';

const SUFFIX = /^[A-Za-z0-9_-]{1,64}$/;
const SUFFIX_IN_WORDS = 'a text of letters, digits, "_" and "-", 64 of them at most';

/**
 * Decides which active session of its user session a request belongs to. None where a rule excludes it. Else rules are
 * asked in order: the request belongs to one when any rule matches, and the first matching rule with a suffix chooses it.
 */
export class SessionRules {
  private readonly exclusions: readonly SessionFilter[];
  private readonly rules: readonly SessionFilter[];
  /** Behind this rule there is none that could choose a suffix. */
  private readonly lastWithSuffix: number;

  /** @throws TypeError that names what is wrong with a rule */
  constructor(rules: readonly SessionRule[]) {
    const filters = rules.map((rule, index) => ('apply' in rule ? rule : compile(rule, `sessions[${index}]`)));
    this.exclusions = filters.filter((_filter, index) => isExclusion(rules[index]));
    this.rules = filters.filter((_filter, index) => !isExclusion(rules[index]));
    this.lastWithSuffix = rules
      .filter((rule) => !isExclusion(rule))
      .findLastIndex((rule) => 'apply' in rule || rule.suffix !== undefined);
  }

  /**
   * The suffix, `''` for the session without one; undefined where no rule matches.
   * @throws BadArgumentError for a suffix with other characters than `[A-Za-z0-9_-]`, or more than 64
   */
  suffixFor(req: SessionRequest): string | undefined {
    if (this.exclusions.some((rule) => rule.apply(req).mapped)) return undefined;
    let isMapped = false;
    for (let index = 0; index < this.rules.length; index++) {
      if (isMapped && index > this.lastWithSuffix) break;
      const { mapped, suffix } = checkDecision(this.rules[index]?.apply(req));
      if (!mapped) continue;
      isMapped = true;
      if (suffix !== undefined && suffix !== null) return checkSuffix(suffix);
    }
    return isMapped ? '' : undefined;
  }
}

/** The path of the URL that the client asked for, whatever is mounted where. */
export function pathnameOf(req: SessionRequest): string {
  const url = req.originalUrl ?? req.url ?? '/';
  if (!url.startsWith('/')) return URL.canParse(url) ? new URL(url).pathname : '/';
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

function isExclusion(rule: SessionRule | undefined): boolean {
  return rule !== undefined && !('apply' in rule) && rule.exclude === true;
}

function compile(rule: SessionRuleObject, name: string): SessionFilter {
  const { path, suffix, exclude } = rule;
  const unchecked: { readonly when?: unknown } = rule;
  if (exclude !== undefined && typeof exclude !== 'boolean')
    throw expected(`${name}.exclude`, 'true or false', exclude);
  if (exclude === true && suffix !== undefined)
    throw expected(`${name}.suffix`, 'left away beside "exclude": what belongs to no session has no suffix', suffix);
  if (unchecked.when !== undefined && typeof unchecked.when !== 'function')
    throw expected(`${name}.when`, 'a function of the request', unchecked.when);
  if (suffix !== undefined && typeof suffix !== 'function' && !isSuffix(suffix))
    throw expected(`${name}.suffix`, `a function of the request, or ${SUFFIX_IN_WORDS}`, suffix);
  const pattern = compilePath(path, `${name}.path`);
  return {
    apply(req) {
      const matchesPath = pattern === undefined || pattern.test(pathnameOf(req));
      const mapped = matchesPath && (rule.when === undefined || checkBoolean(rule.when(req)));
      return { mapped, suffix: mapped ? (typeof suffix === 'function' ? suffix(req) : suffix) : undefined };
    },
  };
}

/** What a path is tested with; undefined where every path will do. @throws TypeError that names the option */
function compilePath(path: SessionRuleObject['path'], name: string): RegExp | undefined {
  if (path === undefined) return undefined;
  // A global or sticky RegExp would remember where its last match ended.
  if (path instanceof RegExp) return new RegExp(path.source, path.flags.replace(/[gy]/g, ''));
  try {
    return pathToRegexp(path).regexp;
  } catch (error) {
    throw expected(name, 'a path in the syntax of Nest 11 and 12, or a RegExp', path, error);
  }
}

/** What rules give comes from requests: parsers of queries make lists, and more. */
function checkSuffix(suffix: unknown): string {
  if (isSuffix(suffix)) return suffix;
  disown(suffix);
  throw new BadArgumentError(`The session suffix is not ${SUFFIX_IN_WORDS}`);
}

function isSuffix(value: unknown): value is string {
  return typeof value === 'string' && (value === '' || SUFFIX.test(value));
}

/** A promise would count as true, and map every request. */
function checkBoolean(answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer;
  disown(answer);
  throw new TypeError(`Expected "when" of a session rule to return true or false, at once, got ${typeof answer}`);
}

function checkDecision(decision: unknown): ReturnType<SessionFilter['apply']> {
  const answer = (decision ?? {}) as ReturnType<SessionFilter['apply']>;
  if (typeof answer.mapped === 'boolean') return answer;
  disown(answer);
  throw new TypeError(
    'Expected apply() of a session filter to return { mapped: boolean, suffix?: string | null }, at once',
  );
}
