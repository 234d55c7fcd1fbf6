/**
 * Options as getopt_long(3) finds them: anywhere before `--`, abbreviated where that is unambiguous.
 *
 * Source: glibc, posix/getopt.c, whose words the complaints are.
 */

/**
 * Letters as in getopt(3): `:` after one that needs an argument, `::` after one that may have one. A
 * long option stands for a letter, or for a name where it has no letter, and says the same after it.
 */
export interface OptionTable {
  readonly short: string;
  readonly long: Readonly<Record<string, string>>;
}

/** An option as it was found, by its letter; or why the rest of the line was not looked at. */
export type Option =
  | { readonly option: string; readonly value: string | undefined }
  | { readonly complaint: string };

export interface CommandLine {
  readonly options: readonly Option[];
  readonly operands: readonly string[];
}

type Need = 'none' | 'required' | 'optional';

interface Meaning {
  readonly option: string;
  readonly need: Need;
}

export function getopt(args: readonly string[], table: OptionTable): CommandLine {
  const options: Option[] = [];
  const operands: string[] = [];
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      operands.push(...rest.splice(0));
    } else if (word.startsWith('--')) {
      options.push(findLong(word.slice(2), rest, table));
    } else if (word.startsWith('-') && word !== '-') {
      options.push(...findShort(word.slice(1), rest, table));
    } else {
      operands.push(word);
    }
    if (options.some((found) => 'complaint' in found)) break;
  }
  return { options, operands };
}

function findShort(letters: string, rest: string[], { short }: OptionTable): Option[] {
  const found: Option[] = [];
  for (let index = 0; index < letters.length; index += 1) {
    const letter = letters.charAt(index);
    const position = letter === ':' ? -1 : short.indexOf(letter);
    if (position < 0) return [...found, { complaint: `invalid option -- '${letter}'` }];

    const { need } = meaningOf(short.slice(position).replace(/^(.:{0,2}).*/s, '$1'));
    if (need === 'none') {
      found.push({ option: letter, value: undefined });
      continue;
    }
    const value = letters.slice(index + 1) || (need === 'required' ? rest.shift() : undefined);
    if (need === 'required' && value === undefined) {
      return [...found, { complaint: `option requires an argument -- '${letter}'` }];
    }
    return [...found, { option: letter, value }];
  }
  return found;
}

function findLong(word: string, rest: string[], table: OptionTable): Option {
  const [typed = ''] = word.split('=', 1);
  const given = word.includes('=') ? word.slice(typed.length + 1) : undefined;
  const name = completeName(typed, table);
  if (typeof name !== 'string') {
    const possibilities = name.map((known) => ` '--${known}'`).join('');
    return {
      complaint:
        name.length === 0
          ? `unrecognized option '--${word}'`
          : `option '--${word}' is ambiguous; possibilities:${possibilities}`,
    };
  }
  const { option, need } = meaningOf(table.long[name] ?? '');
  if (need === 'none' && given !== undefined) {
    return { complaint: `option '--${name}' doesn't allow an argument` };
  }
  const value = given ?? (need === 'required' ? rest.shift() : undefined);
  if (need === 'required' && value === undefined) {
    return { complaint: `option '--${name}' requires an argument` };
  }
  return { option, value };
}

/** The name that was meant; or those that may have been meant. */
function completeName(typed: string, { long }: OptionTable): string | readonly string[] {
  if (Object.hasOwn(long, typed)) return typed;
  const candidates = Object.keys(long).filter((name) => name.startsWith(typed));
  const [first] = candidates;
  const meanings = new Set(candidates.map((name) => long[name]));
  return first !== undefined && meanings.size === 1 ? first : candidates;
}

function meaningOf(entry: string): Meaning {
  const option = entry.replace(/(?<=.):{1,2}$/, '');
  const colons = entry.length - option.length;
  return { option, need: colons === 0 ? 'none' : colons === 1 ? 'required' : 'optional' };
}
