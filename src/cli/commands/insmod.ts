/** `klpfs insmod`: makes a manifest known to the machine if one is given, and loads the module. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { readCatalogue } from '../catalogue.ts';
import { EXIT, errnoText } from '../commandError.ts';
import {
  FileError,
  type Machine,
  type MachineOptions,
  onMachine,
  openMachine,
  requestAnswer,
} from '../machineFiles.ts';
import { printError } from '../output.ts';
import { moduleName } from '../patches.ts';
import { warningsDuring } from '../refusal.ts';
import { addToolCommand, requireSuccess, runTool } from '../tool.ts';

export function addInsmodCommand(program: Command): void {
  addToolCommand(program, 'insmod')
    .description('load a module: a built-in one by its name, or a livepatch from its manifest')
    .addHelpText(
      'after',
      `
The arguments are those of insmod(8): a module, and parameters. A module that is a
file is a manifest, YAML or JSON. What it prints is what kmod's insmod prints; when
the kernel refuses, its log lines come below.

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
    .action(async (words: string[], options: MachineOptions) => {
      const machine = await openMachine(options);
      const file = words.find((word) => !word.startsWith('-')) ?? '';
      const { result, warnings } = await warningsDuring(machine, () =>
        insert(machine, words, file),
      );
      const details = warnings.map((line) => nameManifest(line, file));
      requireSuccess(result, [...details, ...listOthers(machine, file)]);
    });
}

/** Answers the exit code; why it is not 0 has been printed. */
async function insert(machine: Machine, words: readonly string[], file: string): Promise<number> {
  if (!isManifest(file)) return runTool(machine, ['insmod', ...words]);
  try {
    const name = handOver(machine, file);
    const ours = `insmod: ERROR: could not insert module ${name}:`;
    const args = words.map((word) => (word === file ? name : word));
    return await runTool(machine, ['insmod', ...args], (line) =>
      line.startsWith(ours) ? line.replace(ours, () => ours.replace(name, () => file)) : line,
    );
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const verb = error.errno === 'ENOENT' ? 'load' : 'insert';
    // A module that is not understood; of one that is, the kernel might say EINVAL.
    const reason = error.errno === 'EINVAL' ? 'Invalid module format' : errnoText(error.errno);
    printError(`insmod: ERROR: could not ${verb} module ${file}: ${reason}\n`);
    return EXIT.failed;
  }
}

/** Files that are no text stand for a module of their name, as empty ones do. */
function isManifest(file: string): boolean {
  if (/\.(ya?ml|json)$/.test(file)) return true;
  const isFile = statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
  if (!isFile) return file.includes('/');
  const bytes = readFileSync(file);
  return bytes.length > 0 && !bytes.includes(0);
}

/**
 * Hands over the content of the file; answers the name of the module that it describes.
 *
 * @throws FileError if it cannot be read, or is refused.
 */
function handOver(machine: Machine, file: string): string {
  const text = onMachine(machine, file, () => readFileSync(file, 'utf8'));
  return requestAnswer(machine, 'manifest', text).trim();
}

/** A manifest is called by its file name. */
function nameManifest(line: string, file: string): string {
  return line.replace(/^klpfs: manifest: manifest:/, () => `${file}:`);
}

/** What could have been meant by a name that nothing has. */
function listOthers(machine: Machine, file: string): string[] {
  const names = readCatalogue(machine).map(({ name }) => name);
  const isName = /^[\w-]+$/.test(file) && !existsSync(file);
  return isName && !names.includes(moduleName(file)) ? [`available: ${names.join(', ')}`] : [];
}
