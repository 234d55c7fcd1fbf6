/** From the machine description that a user wrote, and options that win over it, to a machine. */
import { readMachine } from '../daemon/readMachine.ts';
import type { MachineDescription } from '../machine/description.ts';
import type { MachineOptions } from '../machine/parse.ts';
import { readText, STDIN } from './machineText.ts';

/** The default machine if there is no file. Throws `MachineError` with all that is wrong. */
export async function readDescription(
  path: string | undefined,
  options: MachineOptions,
): Promise<MachineDescription> {
  const text = path === undefined ? '' : await readText(path);
  const name = path === STDIN ? 'standard input' : (path ?? 'default machine');
  return readMachine(text, name, options);
}
