/** `klpfs insmod`: makes a manifest known to the machine if one is given, and loads the module. */
import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { readCatalogue } from '../catalogue.ts';
import { CommandError, errnoOf, errnoText } from '../commandError.ts';
import { insmodText } from '../kmod.ts';
import {
  addMachineOption,
  type Machine,
  type MachineOptions,
  openMachine,
  request,
} from '../machineFiles.ts';
import { moduleName } from '../patches.ts';
import { explainRefusal } from '../refusal.ts';

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
      const isKnown = readCatalogue(machine).some((known) => known.name === moduleName(name));
      insert(machine, { name, text: isKnown ? insmodText : errnoText }, () =>
        request(machine, 'insmod', `${words.join(' ')}\n`),
      );
    });
}

function isManifest(module: string): boolean {
  return module.includes('/') || /\.(ya?ml|json)$/.test(module) || existsSync(module);
}

/** Hands over the content of the file; answers the name of the module that it describes. */
async function acceptManifest(machine: Machine, path: string): Promise<string> {
  const text = readManifest(path);
  insert(machine, { name: path, text: errnoText }, () => request(machine, 'manifest', text));
  const { nameInManifest } = await import('../../machine/manifest.ts');
  return nameInManifest(text, path);
}

function readManifest(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new CommandError(`could not load module ${path}: ${errnoText(errno)}`);
  }
}

/** `text`: what an errno means. */
function insert(
  machine: Machine,
  { name, text }: { name: string; text: (errno: string) => string },
  act: () => void,
): void {
  explainRefusal(
    machine,
    (errno) => `could not insert module ${name}: ${text(errno)}`,
    (line) => nameManifest(line, name),
    act,
  );
}

/** A manifest is called by its file name. */
function nameManifest(text: string, name: string): string {
  return text.replace(/^klpfs: manifest: manifest:/, `${name}:`);
}
