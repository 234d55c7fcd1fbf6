/** Module parameters as a command line gives them. Source: lib/cmdline.c:next_arg(). */

/** One `name=value` of an insmod command line; without a value it is a switch. */
export interface Argument {
  readonly name: string;
  readonly value: string | undefined;
}

/** Words that are apart by blanks, except inside of double quotes, which are taken away. */
export function parseArguments(options: string): Argument[] {
  const words = options.match(/(?:"[^"]*(?:"|$)|[^\s"])+/g) ?? [];
  return words.map(parseArgument);
}

function parseArgument(quoted: string): Argument {
  const word = quoted.replace(/^"(.*?)"?$/s, '$1');
  const equals = word.indexOf('=');
  if (equals < 0) return { name: word, value: undefined };
  return {
    name: word.slice(0, equals),
    value: word.slice(equals + 1).replace(/^"(.*?)"?$/s, '$1'),
  };
}
