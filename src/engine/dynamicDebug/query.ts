/**
 * One command of the control file: pairs of a keyword and a value, then what to do with the flags.
 *
 * Source: lib/dynamic_debug.c:ddebug_tokenize(), ddebug_parse_flags(), ddebug_parse_query().
 */
import { KernelError } from '../../abi/errno.ts';
import type { Dialect } from './dialect.ts';
import { FLAGS } from './sites.ts';

/** Logs what is wrong, and answers the error to throw; `where` is the function that found it. */
export type Complain = (where: string, text: string) => KernelError;

export interface Command {
  readonly query: Query;
  readonly modifiers: Modifiers;
}

/** What a site has to be like; whatever is left out does not matter. */
export interface Query {
  func?: string;
  file?: string;
  module?: string;
  format?: string;
  class?: string;
  /** Zero: any. */
  firstLine: number;
  lastLine: number;
}

export interface Modifiers {
  readonly operator: Operator;
  readonly letters: string;
}

const OPERATORS = ['+', '-', '='] as const;
type Operator = (typeof OPERATORS)[number];

const MAX_WORDS = 9;
const UINT_MAX = 2 ** 32 - 1;
/** A word in quotes, which end it wherever they are, or up to the next blank. */
const WORD = /^(?:"([^"]*)"|'([^']*)'|([^\s"']\S*))\s*/;

/** @throws KernelError EINVAL, after the log lines that say what is wrong. */
export function parseCommand(text: string, dialect: Dialect, complain: Complain): Command {
  const failed = (what: string) => complain('ddebug_exec_query', `${what} failed`);
  const words = orElse(
    () => tokenize(text, complain),
    () => failed('tokenize'),
  );
  const modifiers = orElse(
    () => parseFlags(words.at(-1) ?? '', dialect, complain),
    () => failed('flags parse'),
  );
  const query = orElse(
    () => parseQuery(words.slice(0, -1), dialect, complain),
    () => failed('query parse'),
  );
  return { query, modifiers };
}

/** What went wrong inside was logged; the caller adds a line of its own. */
function orElse<T>(parse: () => T, failure: () => KernelError): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof KernelError ? failure() : error;
  }
}

function tokenize(text: string, complain: Complain): string[] {
  const fail = (what: string) => complain('ddebug_tokenize', what);
  const words: string[] = [];
  let rest = text.trimStart();
  while (rest !== '' && !rest.startsWith('#')) {
    const match = WORD.exec(rest);
    if (!match) throw fail(`unclosed quote: ${rest.slice(1)}`);
    if (words.length === MAX_WORDS) throw fail(`too many words, legal max <=${MAX_WORDS}`);
    words.push(match[1] ?? match[2] ?? match[3] ?? '');
    rest = rest.slice(match[0].length);
  }
  return words;
}

function parseFlags(word: string, dialect: Dialect, complain: Complain): Modifiers {
  const fail = (what: string) => complain('ddebug_parse_flags', what);
  const operator = OPERATORS.find((candidate) => word.startsWith(candidate));
  if (!operator) throw fail(`bad flag-op ${word[0] ?? '\0'}, at start of ${word}`);
  const letters = word.slice(1);
  const unknown = letters.search(new RegExp(`[^${FLAGS}_]`));
  if (unknown >= 0) throw fail(dialect.unknownFlag(letters.slice(unknown)));
  return { operator, letters };
}

function parseQuery(words: readonly string[], dialect: Dialect, complain: Complain): Query {
  const fail = (what: string) => complain('ddebug_parse_query', what);
  if (words.length % 2 !== 0) throw fail('expecting pairs of match-spec <value>');
  const query: Query = { firstLine: 0, lastLine: 0 };
  for (let index = 0; index < words.length; index += 2) {
    const [keyword = '', value = ''] = words.slice(index, index + 2);
    if (!dialect.keywords.includes(keyword)) throw fail(`unknown keyword "${keyword}"`);
    if (keyword === 'line') parseLines(query, value, complain);
    else if (keyword === 'file' && dialect.filesHaveTails) parseFile(query, value, complain);
    else if (keyword === 'format') set(query, keyword, unescaped(value), complain);
    else if (isTextKeyword(keyword)) set(query, keyword, value, complain);
  }
  return query;
}

const TEXT_KEYWORDS = ['func', 'file', 'module', 'format', 'class'] as const;
type TextKeyword = (typeof TEXT_KEYWORDS)[number];

function isTextKeyword(word: string): word is TextKeyword {
  return TEXT_KEYWORDS.some((keyword) => keyword === word);
}

/** Source: check_set(). */
function set(query: Query, keyword: TextKeyword, value: string, complain: Complain): void {
  const known = query[keyword];
  if (known !== undefined) {
    throw complain('check_set', `match-spec:${keyword} val:${known} overridden by ${value}`);
  }
  query[keyword] = value;
}

/** `F`, `F:FUNCTION` or `F:LINES`; what begins like a name or a pattern is a function. */
function parseFile(query: Query, value: string, complain: Complain): void {
  const [name = '', ...tail] = value.split(':');
  if (query.file !== undefined || tail.length === 0) {
    set(query, 'file', value, complain);
    return;
  }
  set(query, 'file', name, complain);
  const place = tail.join(':');
  if (/^[a-z*?]/i.test(place)) set(query, 'func', place, complain);
  else parseLines(query, place, complain);
}

/** `N`, `N-M`, `N-`, `-M`. Source: parse_linerange(), which was part of its caller once. */
function parseLines(query: Query, text: string, complain: Complain): void {
  const fail = (what: string) => complain('ddebug_parse_query', what);
  if (query.firstLine !== 0 || query.lastLine !== 0) throw fail('match-spec: line used 2x');
  const dash = text.indexOf('-');
  query.firstLine = parseLine(dash < 0 ? text : text.slice(0, dash), complain);
  if (dash < 0) {
    query.lastLine = query.firstLine;
    return;
  }
  query.lastLine = parseLine(text.slice(dash + 1), complain) || UINT_MAX;
  if (query.lastLine < query.firstLine) {
    throw fail(`last-line:${query.lastLine | 0} < 1st-line:${query.firstLine | 0}`);
  }
}

/** Nothing is line 0, which stands for any. Source: parse_lineno(), kstrtouint(). */
function parseLine(text: string, complain: Complain): number {
  if (text === '') return 0;
  const line = /^\+?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(line <= UINT_MAX)) throw complain('parse_lineno', `bad line-number: ${text}`);
  return line;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  f: '\f',
  '"': '"',
  '\\': '\\',
  a: '\x07',
  e: '\x1b',
};

/** Anything else stays as it is. Source: lib/string_helpers.c:string_unescape(). */
function unescaped(text: string): string {
  const plain = text.replace(/\\(?:([0-3][0-7]{0,2}|[4-7][0-7]?)|(.))/gs, (all, octal, letter) =>
    octal === undefined ? (ESCAPES[letter] ?? all) : String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return plain.replace(/\0.*/s, '');
}
