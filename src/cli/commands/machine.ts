/** `klpfs machine`: machine descriptions, the one in force and those to come. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { NoMachineError } from '../findMachine.ts';
import { addMachineOption, type MachineOptions, openMachine, readText } from '../machineFiles.ts';
import { print, printJson } from '../output.ts';

interface ShowOptions extends MachineOptions {
  readonly json?: true;
}

interface CheckOptions {
  readonly module?: readonly string[];
}

export function addMachineCommand(program: Command): void {
  const machine = program.command('machine').description('machine descriptions');
  addMachineOption(machine.command('show'))
    .description('print the machine in force, or the default machine if none is mounted')
    .option('--json', 'as JSON instead of YAML')
    .addHelpText(
      'after',
      `
Examples:
  $ klpfs machine show > machine.yaml       # then change it, and
  $ klpfs mount ~/klp --machine machine.yaml
  $ klpfs machine show --json | jq .release

The same as a file: control/machine`,
    )
    .action(show);
  machine
    .command('check')
    .description('say what is wrong with a machine description, and where')
    .argument('<file>', 'a machine description in YAML')
    .option(
      '--module <file>',
      'an ES module that the machine will have; again for more',
      (file: string, files: readonly string[] = []) => [...files, file],
    )
    .addHelpText(
      'after',
      `
Prints FILE:LINE:COLUMN: MESSAGE for all that is wrong; nothing is mounted.
What 'load' names is read, too. ES modules are run, to see what they export.

Exit code: 0 it can be mounted, 1 it cannot.

A small machine, with a task that holds up transitions:
  release: "6.1"
  cpus: 1
  tasks:
    - {comm: reader, pid: 4242, program: [{sleep_in: [cmdline_proc_show]}]}`,
    )
    .action(check);
}

async function show(options: ShowOptions): Promise<void> {
  const description = await findDescription(options);
  if (options.json) {
    printJson(description);
  } else {
    const { describeMachine } = await import('../../machine/print.ts');
    print(describeMachine(description));
  }
}

async function findDescription(options: ShowOptions) {
  try {
    return JSON.parse(readText(await openMachine(options), 'control/machine'));
  } catch (error) {
    if (!(error instanceof NoMachineError)) throw error;
    const { readMachine } = await import('../../daemon/readMachine.ts');
    return readMachine('', 'default machine', {});
  }
}

async function check(path: string, { module = [] }: CheckOptions): Promise<void> {
  const { baseDirectoryOf, readDraft } = await import('../machineFile.ts');
  const { prepareMachine } = await import('../../daemon/prepareMachine.ts');
  const moduleFiles = module.map((file) => resolve(file));
  const baseDirectory = baseDirectoryOf(path);
  await prepareMachine(await readDraft(path, {}), { baseDirectory, moduleFiles });
}
