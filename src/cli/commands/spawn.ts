/** `klpfs spawn`: adds tasks to a machine that runs. */
import type { Command } from 'commander';
import { errnoText } from '../commandError.ts';
import { addMachineOption, type MachineOptions, openMachine, request } from '../machineFiles.ts';
import { readText, STDIN } from '../machineText.ts';
import { print } from '../output.ts';
import { explainRefusal } from '../refusal.ts';
import { tasksAddedBy } from '../tasks.ts';

export function addSpawnCommand(program: Command): void {
  addMachineOption(program.command('spawn'))
    .description('start tasks, and print their pids, a line each')
    .argument('<file>', 'YAML or JSON, - for standard input')
    .addHelpText(
      'after',
      `
The file has the tasks of a machine description. All of them are started, or
none; what is wrong with them is printed as FILE:LINE:COLUMN: MESSAGE.

Examples:
  $ klpfs spawn tasks.yaml
  $ pid=$(echo '{tasks: [{comm: reader, program: [{sleep_in: [cmdline_proc_show]}]}]}' |
      klpfs spawn -)

The same as a file: cat tasks.yaml > control/spawn`,
    )
    .action(async (path: string, options: MachineOptions) => {
      const machine = await openMachine(options);
      const text = await readText(path);
      const name = path === STDIN ? 'standard input' : path;
      const word = (line: string) =>
        line.replace(/^klpfs: spawn: (spawn:(?=\d))?/, (_, place) => (place ? `${name}:` : ''));
      const added = tasksAddedBy(machine, () =>
        explainRefusal(
          machine,
          (errno) => `could not start the tasks of ${name}: ${errnoText(errno)}`,
          word,
          () => request(machine, 'spawn', text),
        ),
      );
      print(added.map(({ pid }) => `${pid}\n`).join(''));
    });
}
