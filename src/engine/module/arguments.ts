/** What follows a module's name on insmod's command line. */

/** One `name=value`; without a value it is a switch. */
export interface Argument {
  readonly name: string;
  readonly value: string | undefined;
}

const BLANK = /\s/;

/**
 * Takes a command line apart at blanks that are in no quotes. Quotes around a value, or around all
 * of the word, go; others stay. A `=` in front is part of the name. Nothing behind `--` counts.
 *
 * Source: lib/cmdline.c:next_arg(), kernel/params.c:parse_args().
 */
export function parseArguments(line: string): Argument[] {
  const found: Argument[] = [];
  let rest = line.trimStart();
  while (rest !== '') {
    const end = endOfWord(rest);
    const argument = parseWord(rest.slice(0, end));
    if (argument.name === '--' && argument.value === undefined) break;
    found.push(argument);
    rest = rest.slice(end).trimStart();
  }
  return found;
}

function endOfWord(text: string): number {
  let isQuoted = false;
  for (const [index, character] of [...text].entries()) {
    if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && BLANK.test(character)) return index;
  }
  return text.length;
}

function parseWord(word: string): Argument {
  const isQuoted = word.startsWith('"');
  const text = isQuoted ? withoutLastQuote(word.slice(1)) : word;
  const equals = text.indexOf('=', 1);
  if (equals < 0) return { name: text, value: undefined };
  const value = text.slice(equals + 1);
  return {
    name: text.slice(0, equals),
    value: value.startsWith('"') ? withoutLastQuote(value.slice(1)) : value,
  };
}

function withoutLastQuote(text: string): string {
  return text.endsWith('"') ? text.slice(0, -1) : text;
}
