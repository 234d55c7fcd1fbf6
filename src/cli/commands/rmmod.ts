/** `klpfs rmmod`: kmod's rmmod, on the machine. */
import type { Command } from 'commander';
import { type MachineOptions, openMachine } from '../machineFiles.ts';
import { addToolCommand, requireSuccess, runTool } from '../tool.ts';

export function addRmmodCommand(program: Command): void {
  addToolCommand(program, 'rmmod')
    .description('remove modules')
    .addHelpText(
      'after',
      `
The arguments are those of rmmod(8): modules, in the order in which they are to go.
A livepatch module can be removed when it has been disabled and the transition
is over:
  $ echo 0 > sys/kernel/livepatch/livepatch_sample/enabled
  $ klpfs wait livepatch_sample && klpfs rmmod livepatch_sample

The same as a file, a module at a time: echo livepatch_sample > control/rmmod`,
    )
    .action(async (words: string[], options: MachineOptions) => {
      requireSuccess(await runTool(await openMachine(options), ['rmmod', ...words]));
    });
}
