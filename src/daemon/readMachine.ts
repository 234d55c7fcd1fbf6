/** Machine descriptions that need no files: with the built-in modules at hand. */
import type { MachineDescription } from '../machine/description.ts';
import { type MachineOptions, parseMachine } from '../machine/parse.ts';
import { builtinModules } from '../modules/builtin.ts';

/** `options` win over the text. Throws `MachineError` with all that is wrong. */
export function readMachine(
  text: string,
  fileName: string,
  options: MachineOptions,
): MachineDescription {
  return parseMachine(text, fileName, { available: builtinModules, options });
}
