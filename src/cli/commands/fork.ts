/** `klpfs fork`: has a process fork. */
import type { Command } from 'commander';
import { addMachineOption, type MachineOptions, openMachine } from '../machineFiles.ts';
import { print } from '../output.ts';
import { parsePid } from '../pid.ts';
import { requestOfTask } from '../refusal.ts';
import { tasksAddedBy } from '../tasks.ts';

export function addForkCommand(program: Command): void {
  addMachineOption(program.command('fork'))
    .description('have a process fork, and print the pid of its child')
    .argument('<pid>', 'the parent', parsePid)
    .addHelpText(
      'after',
      `
The child executes the program of its parent from the beginning. In a transition
it inherits the patch state.

Example:
  $ child=$(klpfs fork 4242)
  $ cat proc/$child/patch_state

The same as a file: echo 4242 > control/fork`,
    )
    .action(async (pid: number, options: MachineOptions) => {
      const machine = await openMachine(options);
      const added = tasksAddedBy(machine, () => requestOfTask(machine, 'fork', String(pid), pid));
      print(
        added
          .slice(0, 1)
          .map((child) => `${child.pid}\n`)
          .join(''),
      );
    });
}
