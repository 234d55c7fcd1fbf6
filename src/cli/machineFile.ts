/** From the machine description that a user wrote, and options that win over it, to a machine. */
import { dirname } from 'node:path';
import process from 'node:process';
import { draftMachine, type MachineDraft, type MachineOptions } from '../machine/parse.ts';
import { readText, STDIN } from './machineText.ts';

/** The default machine if there is no file. Throws `MachineError` with all that is wrong by itself. */
export async function readDraft(
  path: string | undefined,
  options: MachineOptions,
): Promise<MachineDraft> {
  const text = path === undefined ? '' : await readText(path);
  const name = path === STDIN ? 'standard input' : (path ?? 'default machine');
  return draftMachine(text, name, options);
}

/** Against which the file names of a description are resolved. */
export function baseDirectoryOf(path: string | undefined): string {
  return path === undefined || path === STDIN ? process.cwd() : dirname(path);
}
