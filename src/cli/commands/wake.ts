/** `klpfs wake`: ends the sleep of a task. */
import type { Command } from 'commander';
import { addMachineOption, type MachineOptions, openMachine } from '../machineFiles.ts';
import { parsePid } from '../pid.ts';
import { requestOfTask } from '../refusal.ts';

export function addWakeCommand(program: Command): void {
  addMachineOption(program.command('wake'))
    .description('wake a sleeping task: it goes on as if what it waits for had come')
    .argument('<pid>', 'the task', parsePid)
    .addHelpText(
      'after',
      `
Example: a task that sleeps inside the function that is to be patched holds up
the transition until it leaves.
  $ klpfs why
  $ klpfs wake 4242 && klpfs wait livepatch_sample

The same as a file: echo 4242 > control/wake`,
    )
    .action(async (pid: number, options: MachineOptions) => {
      requestOfTask(await openMachine(options), 'wake', String(pid), pid);
    });
}
