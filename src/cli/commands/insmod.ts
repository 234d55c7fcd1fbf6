/** `klpfs insmod`: makes a manifest known to the machine if one is given, and loads the module. */
import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { CommandError, EXIT, errnoOf, errnoText } from '../commandError.ts';
import { LogCursor } from '../kernelLog.ts';
import {
  addMachineOption,
  FileError,
  type Machine,
  type MachineOptions,
  openMachine,
  request,
} from '../machineFiles.ts';

/** Lines of the kernel log that say why something was refused. */
const WARNING = 4;

export function addInsmodCommand(program: Command): void {
  addMachineOption(program.command('insmod'))
    .description('load a module: a built-in one by its name, or a livepatch from its manifest')
    .argument('<module>', 'a name, or a manifest: a YAML or JSON file')
    .argument('[parameter...]', 'PARAMETER=VALUE')
    .addHelpText(
      'after',
      `
What ends in .yaml, .yml or .json, has a / in it, or is a file, is a manifest.
When the kernel refuses, its log lines are printed.

Examples:
  $ klpfs insmod livepatch-sample
  $ klpfs insmod ./fix.yaml pre_patch_ret=-19

A small manifest:
  module: livepatch_fix
  livepatch: true
  objects:
    - name: vmlinux
      funcs: [{old_name: cmdline_proc_show, output: "fixed\\n"}]

The same as files: reading control/insmod lists the modules there are;
  $ cat fix.yaml > control/manifest
  $ echo livepatch_fix pre_patch_ret=-19 > control/insmod`,
    )
    .action(async (module: string, parameters: string[], options: MachineOptions) => {
      const machine = await openMachine(options);
      const name = isManifest(module) ? await acceptManifest(machine, module) : module;
      const words = [name, ...parameters];
      insert(machine, name, () => request(machine, 'insmod', `${words.join(' ')}\n`));
    });
}

function isManifest(module: string): boolean {
  return module.includes('/') || /\.(ya?ml|json)$/.test(module) || existsSync(module);
}

/** Hands over the content of the file; answers the name of the module that it describes. */
async function acceptManifest(machine: Machine, path: string): Promise<string> {
  const text = readManifest(path);
  insert(machine, path, () => request(machine, 'manifest', text));
  const { parseManifest } = await import('../../machine/manifest.ts');
  return parseManifest(text, path).name;
}

function readManifest(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new CommandError(`could not insert module ${path}: ${errnoText(errno)}`);
  }
}

/** What is refused is explained by what the kernel logged in the meantime. */
function insert(machine: Machine, name: string, requestAll: () => void): void {
  const cursor = new LogCursor(machine);
  for (const _ of cursor.takeNew());
  try {
    requestAll();
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const message = `could not insert module ${name}: ${errnoText(error.errno)}`;
    throw new CommandError(message, EXIT.failed, explain(cursor, name));
  } finally {
    cursor.close();
  }
}

/** What the kernel has logged since; a manifest is called by its file name. */
function explain(cursor: LogCursor, name: string): string[] {
  const lines = [...cursor.takeNew()]
    .filter(({ level }) => level <= WARNING)
    .map(({ text }) => text.replace(/^klpfs: manifest: manifest:/, `${name}:`));
  return [...new Set(lines)];
}
