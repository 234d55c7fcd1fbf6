/** `klpfs clock advance`: moves a clock that stands still. */
import { type Command, InvalidArgumentError } from 'commander';
import { CommandError } from '../commandError.ts';
import { formatSeconds, parseDurationMs } from '../duration.ts';
import { readConfiguration } from '../machineConfiguration.ts';
import { addMachineOption, type MachineOptions, openMachine, request } from '../machineFiles.ts';

export function addClockCommand(program: Command): void {
  const clock = program.command('clock').description('the clock of a machine');
  addMachineOption(clock.command('advance'))
    .description('move a manual clock forward; returns when the machine has reached the new time')
    .argument('<duration>', 'such as 1.5s, 20ms or 2m', parseDuration)
    .addHelpText(
      'after',
      `
Example:
  $ klpfs mount ~/klp --clock manual
  $ klpfs clock advance 1.5s

The same as a file: echo +1.5s > control/clock`,
    )
    .action(async (durationMs: number, options: MachineOptions) => {
      const machine = await openMachine(options);
      if (readConfiguration(machine).clock !== 'manual') {
        throw new CommandError(
          'the clock follows the wall clock; `klpfs mount DIR --clock manual` starts one to move',
        );
      }
      request(machine, 'clock', `+${formatSeconds(durationMs)}\n`);
    });
}

function parseDuration(text: string): number {
  const durationMs = parseDurationMs(text.replace(/^\+/, ''));
  if (durationMs === undefined) throw new InvalidArgumentError('Examples: 1.5s, 20ms, 2m.');
  return durationMs;
}
