/** `klpfs call`: has a task call a function. */
import type { Command } from 'commander';
import { addMachineOption, type MachineOptions, openMachine } from '../machineFiles.ts';
import { parsePid } from '../pid.ts';
import { requestOfTask } from '../refusal.ts';

export function addCallCommand(program: Command): void {
  addMachineOption(program.command('call'))
    .description('have a task call a function before it goes on with its program')
    .argument('<pid>', 'the task', parsePid)
    .argument('<function>', 'a function of the kernel or of a loaded module')
    .addHelpText(
      'after',
      `
At once if its sleep can be interrupted, else when its sleep is over. Which code
runs, the original or that of a patch, depends on the patch state of the task.

Example:
  $ klpfs call 4242 cmdline_proc_show

The same as a file: echo 4242 cmdline_proc_show > control/call`,
    )
    .action(async (pid: number, name: string, options: MachineOptions) => {
      requestOfTask(await openMachine(options), 'call', `${pid} ${name}`, pid);
    });
}
