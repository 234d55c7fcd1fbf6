/** `klpfs rmmod`: removes modules, and speaks as kmod does. */
import type { Command } from 'commander';
import { CommandError, errnoText } from '../commandError.ts';
import {
  addMachineOption,
  FileError,
  type Machine,
  type MachineOptions,
  openMachine,
  request,
} from '../machineFiles.ts';
import { readModules } from '../modules.ts';
import { moduleName } from '../patches.ts';

export function addRmmodCommand(program: Command): void {
  addMachineOption(program.command('rmmod'))
    .description('remove modules')
    .argument('<name...>', 'modules, in the order in which they are to go')
    .addHelpText(
      'after',
      `
A livepatch module can be removed when it has been disabled and the transition
is over:
  $ echo 0 > sys/kernel/livepatch/livepatch_sample/enabled
  $ klpfs wait livepatch_sample && klpfs rmmod livepatch_sample

The same as a file, a module at a time: echo livepatch_sample > control/rmmod`,
    )
    .action(async (names: string[], options: MachineOptions) => {
      const machine = await openMachine(options);
      const failures = names
        .map((name) => remove(machine, moduleName(name)))
        .filter((failure) => failure !== undefined);
      if (failures.length > 0) throw new CommandError(failures.join('\n'));
    });
}

/** Why it could not be removed; undefined if it is gone. */
function remove(machine: Machine, name: string): string | undefined {
  try {
    request(machine, 'rmmod', `${name}\n`);
    return undefined;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return describeRefusal(machine, name, error.errno);
  }
}

/** Source: kmod, tools/rmmod.c:check_module_inuse(). */
function describeRefusal(machine: Machine, name: string, errno: string): string {
  switch (errno) {
    case 'ENOENT':
      return `Module ${name} is not currently loaded`;
    case 'EAGAIN': {
      const users = readModules(machine).find((module) => module.name === name)?.used_by ?? [];
      return `Module ${name} is in use${users.length > 0 ? ` by: ${users.join(' ')}` : ''}`;
    }
    default:
      return `could not remove module ${name}: ${errnoText(errno)}`;
  }
}
