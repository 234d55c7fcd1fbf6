/** From the machine description that a user wrote, and options that win over it, to a machine. */
import { readFile } from 'node:fs/promises';
import { readMachine } from '../daemon/readMachine.ts';
import type { MachineDescription } from '../machine/description.ts';
import type { MachineOptions } from '../machine/parse.ts';
import { CommandError, errnoOf, errnoText } from './commandError.ts';

/** The default machine if there is no file. Throws `MachineError` with all that is wrong. */
export async function readDescription(
  path: string | undefined,
  options: MachineOptions,
): Promise<MachineDescription> {
  const text = path === undefined ? '' : await readText(path);
  return readMachine(text, path ?? 'default machine', options);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new CommandError(`${path}: ${errnoText(errno)}`);
  }
}
