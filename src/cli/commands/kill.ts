/** `klpfs kill`: signals to processes of the machine. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../commandError.ts';
import { addMachineOption, type MachineOptions, openMachine } from '../machineFiles.ts';
import { print } from '../output.ts';
import { requestOfTask } from '../refusal.ts';
import { parseKill, SIGNALS } from '../signals.ts';

interface Options extends MachineOptions {
  readonly list?: true;
}

export function addKillCommand(program: Command): void {
  addMachineOption(program.command('kill'))
    .description('send a signal to processes')
    .usage('[-SIGNAL] [options] <pid...>')
    .argument('[pid...]', 'the processes')
    .option('-l, --list', 'list the signals')
    .allowUnknownOption()
    .addHelpText(
      'after',
      `
-SIGNAL is a name, with or without SIG, or a number; TERM if there is none. A
process takes a signal when it returns to user space: only an interruptible
sleep ends for any of them, a killable one for those that end the process.
Kthreads and processes outside the machine take none.

Examples: a process is made to leave the function it sleeps in, and goes on.
  $ klpfs kill -STOP 4242; klpfs kill -CONT 4242
  $ klpfs kill -9 4242 4243

The same as a file: echo STOP 4242 > control/kill`,
    )
    .action(async (words: string[], options: Options) => {
      if (options.list) {
        print(`${SIGNALS.join(' ')}\n`);
        return;
      }
      const parsed = parseKill(words);
      if (typeof parsed === 'string') {
        throw new CommandError(`${parsed} (see klpfs kill --help)`, EXIT.usage);
      }
      const machine = await openMachine(options);
      const failures = parsed.pids.flatMap((pid) => {
        try {
          requestOfTask(machine, 'kill', `${parsed.signal} ${pid}`, pid);
          return [];
        } catch (error) {
          if (!(error instanceof CommandError)) throw error;
          return [error.message];
        }
      });
      if (failures.length > 0) throw new CommandError(failures.join('\n'));
    });
}
