/** `klpfs clock`: moves a clock that stands still. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CommandError } from '../commandError.ts';
import { describeRunning, readCpus } from '../cpus.ts';
import { formatSeconds, parseDurationMs } from '../duration.ts';
import { readConfiguration } from '../machineConfiguration.ts';
import {
  addMachineOption,
  FileError,
  type Machine,
  type MachineOptions,
  openMachine,
  readText,
  request,
} from '../machineFiles.ts';
import { print } from '../output.ts';
import { timeoutError } from '../timeout.ts';
import { readTransition } from '../transition.ts';

interface RunOptions extends MachineOptions {
  readonly limit: number;
}

const GOALS = ['transition', 'idle'] as const;
type Goal = (typeof GOALS)[number];

const DEFAULT_LIMIT_MS = 60_000;
const NS_PER_MS = 1_000_000;

export function addClockCommand(program: Command): void {
  const clock = program.command('clock').description('the clock of a machine');
  addAdvanceCommand(clock);
  addRunUntilCommand(clock);
}

function addAdvanceCommand(clock: Command): void {
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
      const machine = await openManual(options);
      request(machine, 'clock', `+${formatSeconds(durationMs)}\n`);
    });
}

function addRunUntilCommand(clock: Command): void {
  addMachineOption(clock.command('run-until'))
    .description('move a manual clock forward until something is so, and print how far it moved')
    .argument('<goal>', 'transition or idle', parseGoal)
    .addOption(
      new Option('--limit <duration>', 'give up after so much virtual time')
        .argParser(parseDuration)
        .default(DEFAULT_LIMIT_MS, '1m'),
    )
    .addHelpText(
      'after',
      `
Goals:
  transition  no patch is in transition
  idle        no cpu has anything to run: every task sleeps

The clock stops at the very moment; it does not move where the goal is reached
already. Then 0s is printed.

Exit code: 0 reached, 1 the clock is not manual, 124 not reached within the
limit: the first tasks that hold the transition up are listed, each with the
reason, or what the cpus run.

Examples:
  $ klpfs mount ~/klp --clock manual
  $ klpfs insmod livepatch-sample && klpfs clock run-until transition
  $ klpfs clock run-until idle --limit 5m || klpfs cpu

The same as a file: echo until transition 60s > control/clock`,
    )
    .action(async (goal: Goal, { limit, ...options }: RunOptions) => {
      const machine = await openManual(options);
      const startNs = readNowNs(machine);
      runUntil(machine, goal, limit);
      print(`${formatSeconds((readNowNs(machine) - startNs) / NS_PER_MS)}\n`);
    });
}

function runUntil(machine: Machine, goal: Goal, limitMs: number): void {
  try {
    request(machine, 'clock', `until ${goal} ${formatSeconds(limitMs)}\n`);
  } catch (error) {
    const isTimeout = error instanceof FileError && error.errno === 'ETIMEDOUT';
    throw isTimeout ? limitError(machine, goal, limitMs) : error;
  }
}

function limitError(machine: Machine, goal: Goal, limitMs: number): CommandError {
  if (goal === 'idle') {
    const busy = readCpus(machine).filter(({ runs }) => runs);
    const lines = busy.map((row) => `cpu ${row.cpu} runs ${describeRunning(row)}`);
    return timeoutError(limitMs, 'the machine is still busy', undefined, lines);
  }
  const transition = readTransition(machine) ?? undefined;
  const still = `${transition?.patch ?? 'a patch'} is still in transition`;
  return timeoutError(limitMs, still, transition, []);
}

/** Throws `CommandError` where the clock moves by itself. */
async function openManual(options: MachineOptions): Promise<Machine> {
  const machine = await openMachine(options);
  if (readConfiguration(machine).clock === 'manual') return machine;
  throw new CommandError(
    'the clock follows the wall clock; `klpfs mount DIR --clock manual` starts one to move',
  );
}

function readNowNs(machine: Machine): number {
  return Number(/^now: (\S+) ns$/m.exec(readText(machine, 'control/clock'))?.[1]);
}

function parseDuration(text: string): number {
  const durationMs = parseDurationMs(text.replace(/^\+/, ''));
  if (durationMs === undefined) throw new InvalidArgumentError('Examples: 1.5s, 20ms, 2m.');
  return durationMs;
}

function parseGoal(text: string): Goal {
  const goal = GOALS.find((known) => known === text.toLowerCase());
  if (!goal) throw new InvalidArgumentError(`Allowed choices are ${GOALS.join(', ')}.`);
  return goal;
}
