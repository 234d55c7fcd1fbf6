/** `klpfs lsmod`: proc/modules. */
import type { Command } from 'commander';
import { addMachineOption, type MachineOptions, openMachine } from '../machineFiles.ts';
import { formatModules, readModules } from '../modules.ts';
import { print, printJson } from '../output.ts';

interface Options extends MachineOptions {
  readonly json?: true;
}

export function addLsmodCommand(program: Command): void {
  addMachineOption(program.command('lsmod'))
    .description('list the loaded modules, the newest first')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ klpfs lsmod
  $ klpfs lsmod --json | jq -r '.[] | select(.refcnt == 0).name'

The same as a file: proc/modules`,
    )
    .action(async (options: Options) => {
      const modules = readModules(await openMachine(options));
      if (options.json) printJson(modules);
      else print(formatModules(modules));
    });
}
