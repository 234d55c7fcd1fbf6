/** Requests that the machine may refuse: the kernel log has its reasons. */
import { CommandError, EXIT, errnoText } from './commandError.ts';
import { LogCursor } from './kernelLog.ts';
import { FileError, type Machine, request } from './machineFiles.ts';

/** Lines of the kernel log that say why something was refused. */
const WARNING = 4;

/**
 * Does what may be refused. If it is, `describe` says what the errno means, and below it comes what
 * the kernel has logged in the meantime, each line as `word` puts it.
 */
export function explainRefusal(
  machine: Machine,
  describe: (errno: string) => string,
  word: (line: string) => string,
  act: () => void,
): void {
  const { errno, logged } = attempt(machine, act);
  if (errno === undefined) return;
  throw new CommandError(describe(errno), EXIT.failed, [...new Set(logged.map(word))]);
}

export function requestOfTask(machine: Machine, verb: string, words: string, pid: number): void {
  requestWithReason(machine, verb, words, `task ${pid}`);
}

/** A request about one thing. Its refusal is the reason that the machine gives. */
export function requestWithReason(
  machine: Machine,
  verb: string,
  words: string,
  thing: string,
): void {
  const { errno, logged } = attempt(machine, () => request(machine, verb, `${words}\n`));
  if (errno === undefined) return;
  const prefix = `klpfs: ${verb}: `;
  const reason = logged.findLast((line) => line.startsWith(prefix))?.slice(prefix.length);
  throw new CommandError(reason ?? `${thing}: ${errnoText(errno)}`);
}

/** What the kernel has warned of in the meantime, each line once. */
export async function warningsDuring<T>(
  machine: Machine,
  act: () => Promise<T>,
): Promise<{ readonly result: T; readonly warnings: readonly string[] }> {
  const cursor = new LogCursor(machine);
  for (const _ of cursor.takeNew());
  try {
    const result = await act();
    return { result, warnings: [...new Set(takeWarnings(cursor))] };
  } finally {
    cursor.close();
  }
}

/** `errno`: what it failed with; `logged`: the warnings of the kernel since it began. */
function attempt(machine: Machine, act: () => void) {
  const cursor = new LogCursor(machine);
  for (const _ of cursor.takeNew());
  try {
    act();
    return { errno: undefined, logged: [] };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { errno: error.errno, logged: takeWarnings(cursor) };
  } finally {
    cursor.close();
  }
}

function takeWarnings(cursor: LogCursor): string[] {
  return [...cursor.takeNew()].filter(({ level }) => level <= WARNING).map(({ text }) => text);
}
