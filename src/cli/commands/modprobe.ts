/** `klpfs modprobe`: loads a module and what it needs, or removes it and what nobody needs then. */
import type { Command } from 'commander';
import { type CatalogueRow, findModule, readCatalogue, withDependencies } from '../catalogue.ts';
import { CommandError, errnoText } from '../commandError.ts';
import { modprobeText } from '../kmod.ts';
import {
  addMachineOption,
  FileError,
  type Machine,
  type MachineOptions,
  openMachine,
  readText,
  request,
} from '../machineFiles.ts';
import { type ModuleRow, readModules } from '../modules.ts';
import { print } from '../output.ts';
import { explainRefusal } from '../refusal.ts';

interface Options extends MachineOptions {
  readonly remove?: true;
  readonly firstTime?: true;
  readonly verbose?: true;
}

export function addModprobeCommand(program: Command): void {
  addMachineOption(program.command('modprobe'))
    .description('load a module and those that it needs, or remove them')
    .argument('<module>', 'a name')
    .argument('[parameter...]', 'PARAMETER=VALUE')
    .option('-r, --remove', 'remove it, and what it needed if nobody else does')
    .option('--first-time', 'fail if it is loaded already, or not loaded with -r')
    .option('-v, --verbose', 'print what is done')
    .addHelpText(
      'after',
      `
A module that is loaded already is no error, and neither is one that is not there
to be removed, unless it has to be the first time.

Examples:
  $ klpfs modprobe test_klp_callbacks_demo pre_patch_ret=-19
  $ klpfs modprobe -r livepatch-callbacks-mod`,
    )
    .action(async (name: string, parameters: string[], options: Options) => {
      const machine = await openMachine(options);
      if (options.remove) remove(machine, name, options);
      else load(machine, name, { parameters, ...options });
    });
}

interface Loading extends Options {
  readonly parameters: readonly string[];
}

/** Source: kmod, tools/modprobe.c:insmod(). */
function load(machine: Machine, fileName: string, loading: Loading): void {
  const catalogue = readCatalogue(machine);
  const directory = `/lib/modules/${releaseOf(machine)}`;
  const missing = `Module ${fileName} not found in directory ${directory}`;
  const { name } = findModule(catalogue, fileName, missing);
  const loaded = new Set(readModules(machine).map((module) => module.name));
  if (loaded.has(name)) {
    if (loading.firstTime) throw new CommandError(cannotInsert(name)('EEXIST'));
    return;
  }
  for (const each of withDependencies(catalogue, name).filter((known) => !loaded.has(known))) {
    const words = each === name ? [each, ...loading.parameters] : [each];
    if (loading.verbose) print(`insmod ${words.join(' ')}\n`);
    explainRefusal(
      machine,
      cannotInsert(each),
      (line) => line,
      () => request(machine, 'insmod', `${words.join(' ')}\n`),
    );
  }
}

function cannotInsert(name: string): (errno: string) => string {
  return (errno) => `could not insert '${name}': ${modprobeText(errno)}`;
}

/** Source: kmod, tools/modprobe.c:rmmod(). */
function remove(machine: Machine, fileName: string, { firstTime, verbose }: Options): void {
  const catalogue = readCatalogue(machine);
  const { name } = findModule(catalogue, fileName, `Module ${fileName} not found.`);
  if (!findLoaded(machine, name)) {
    if (firstTime) throw new CommandError(`Module ${name} is not in kernel.`);
    return;
  }
  removeOne(machine, name, verbose);
  for (const needed of dependenciesOf(catalogue, name)) {
    const row = findLoaded(machine, needed);
    if (row?.refcnt === 0 && row.used_by.length === 0) removeOne(machine, needed, verbose);
  }
}

function removeOne(machine: Machine, name: string, verbose: true | undefined): void {
  if (verbose) print(`rmmod ${name}\n`);
  try {
    request(machine, 'rmmod', `${name}\n`);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new CommandError(
      error.errno === 'EAGAIN'
        ? `Module ${name} is in use.`
        : `could not remove '${name}': ${errnoText(error.errno)}`,
    );
  }
}

/** Those that need others first. */
function dependenciesOf(catalogue: readonly CatalogueRow[], name: string): string[] {
  return withDependencies(catalogue, name)
    .filter((needed) => needed !== name)
    .reverse();
}

function findLoaded(machine: Machine, name: string): ModuleRow | undefined {
  return readModules(machine).find((module) => module.name === name);
}

/** `uname -r`. */
function releaseOf(machine: Machine): string {
  return readText(machine, 'proc/version').split(' ')[2] ?? '';
}
