/** `klpfs wake`: ends the sleep of a task. */
import { type Command, InvalidArgumentError } from 'commander';
import { CommandError, errnoText } from '../commandError.ts';
import {
  addMachineOption,
  FileError,
  type MachineOptions,
  openMachine,
  request,
} from '../machineFiles.ts';

export function addWakeCommand(program: Command): void {
  addMachineOption(program.command('wake'))
    .description('wake a sleeping task: it goes on as if what it waits for had come')
    .argument('<pid>', 'the task', parsePid)
    .addHelpText(
      'after',
      `
Example: a task that sleeps inside the function that is to be patched holds up
the transition until it leaves.
  $ klpfs ps | grep cmdline_proc_show
  $ klpfs wake 4242 && klpfs wait livepatch_sample

The same as a file: echo 4242 > control/wake`,
    )
    .action(async (pid: number, options: MachineOptions) => {
      const machine = await openMachine(options);
      try {
        request(machine, 'wake', `${pid}\n`);
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        throw new CommandError(`task ${pid}: ${errnoText(error.errno)}`);
      }
    });
}

function parsePid(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a number above 0.');
  return Number(text);
}
