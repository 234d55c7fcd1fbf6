/** `klpfs modprobe`: kmod's modprobe, on the machine. */
import type { Command } from 'commander';
import { type MachineOptions, openMachine } from '../machineFiles.ts';
import { warningsDuring } from '../refusal.ts';
import { addToolCommand, requireSuccess, runTool } from '../tool.ts';

export function addModprobeCommand(program: Command): void {
  addToolCommand(program, 'modprobe')
    .description('load a module and those that it needs, or remove them')
    .addHelpText(
      'after',
      `
The arguments are those of modprobe(8): a module and parameters; -r to remove, -a for
several, -n -v to see what would be done, -D for what it needs, -q, -w, --first-time.
A module that is loaded already is no error, and neither is one that is not there to
be removed. When the kernel refuses, its log lines come below.

Examples:
  $ klpfs modprobe test_klp_callbacks_demo pre_patch_ret=-19
  $ klpfs modprobe -r livepatch-callbacks-mod`,
    )
    .action(async (words: string[], options: MachineOptions) => {
      const machine = await openMachine(options);
      const { result, warnings } = await warningsDuring(machine, () =>
        runTool(machine, ['modprobe', ...words]),
      );
      requireSuccess(result, warnings);
    });
}
