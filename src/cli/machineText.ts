/** Where the text of a machine description comes from. */
import { readFile, stat } from 'node:fs/promises';
import process from 'node:process';
import { text as readStream } from 'node:stream/consumers';
import { CommandError, errnoOf, errnoText } from './commandError.ts';

/** How a command line names standard input. */
export const STDIN = '-';

/**
 * The text of a description that only this process can read: standard input, or a pipe such as bash
 * makes of `<(command)`. Undefined for a file that others can read as well.
 */
export async function readPrivate(path: string): Promise<string | undefined> {
  if (path === STDIN) return readText(path);
  const isFile = await stat(path).then(
    (stats) => stats.isFile(),
    () => true,
  );
  return isFile ? undefined : readText(path);
}

export async function readText(path: string): Promise<string> {
  try {
    return path === STDIN ? await readStream(process.stdin) : await readFile(path, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new CommandError(`${path}: ${errnoText(errno)}`);
  }
}
