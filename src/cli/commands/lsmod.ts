/** `klpfs lsmod`: kmod's lsmod, on the machine; or proc/modules as JSON. */
import type { Command } from 'commander';
import { type MachineOptions, openMachine } from '../machineFiles.ts';
import { readModules } from '../modules.ts';
import { printJson } from '../output.ts';
import { addToolCommand, requireSuccess, runTool } from '../tool.ts';

interface Options extends MachineOptions {
  readonly json?: true;
}

export function addLsmodCommand(program: Command): void {
  addToolCommand(program, 'lsmod')
    .description('list the loaded modules, the newest first')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ klpfs lsmod
  $ klpfs lsmod --json | jq -r '.[] | select(.refcnt == 0).name'

Nearly the same as a file: proc/modules`,
    )
    .action(async (words: string[], options: Options) => {
      const machine = await openMachine(options);
      if (options.json) printJson(readModules(machine));
      else requireSuccess(await runTool(machine, ['lsmod', ...words]));
    });
}
