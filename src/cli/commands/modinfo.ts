/** `klpfs modinfo`: kmod's modinfo, on the machine; or a row of control/modules. */
import type { Command } from 'commander';
import { findModule, readCatalogue } from '../catalogue.ts';
import { type MachineOptions, openMachine } from '../machineFiles.ts';
import { printJson } from '../output.ts';
import { addToolCommand, requireSuccess, runTool } from '../tool.ts';

interface Options extends MachineOptions {
  readonly json?: true;
}

export function addModinfoCommand(program: Command): void {
  addToolCommand(program, 'modinfo')
    .description('show what modules say of themselves')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
The arguments are those of modinfo(8): modules; -F FIELD for one field, -d, -n, -p for
the description, the file, the parameters.

Examples:
  $ klpfs modinfo livepatch-sample
  $ klpfs modinfo -F depends my_fix

The same as a file, for all modules: control/modules`,
    )
    .action(async (words: string[], options: Options) => {
      const machine = await openMachine(options);
      const [name = ''] = words;
      if (options.json) printJson(findModule(readCatalogue(machine), name));
      else requireSuccess(await runTool(machine, ['modinfo', ...words]));
    });
}
