/** `klpfs exit`: ends a task, wherever it is. */
import type { Command } from 'commander';
import { addMachineOption, type MachineOptions, openMachine } from '../machineFiles.ts';
import { parsePid } from '../pid.ts';
import { requestOfTask } from '../refusal.ts';

export function addExitCommand(program: Command): void {
  addMachineOption(program.command('exit'))
    .description('end a task that sleeps, even one that no signal reaches')
    .argument('<pid>', 'the task', parsePid)
    .addHelpText(
      'after',
      `
The task disappears from where it is: no Linux machine does that to a process
in an uninterruptible sleep. A process that runs has to be killed; init,
kthreadd and the kernel's own workers stay.

Example:
  $ klpfs exit 4242 && klpfs wait livepatch_sample

The same as a file: echo 4242 > control/exit`,
    )
    .action(async (pid: number, options: MachineOptions) => {
      requestOfTask(await openMachine(options), 'exit', String(pid), pid);
    });
}
