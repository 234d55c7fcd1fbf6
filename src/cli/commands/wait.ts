/** `klpfs wait`: until a transition is over. */
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CommandError } from '../commandError.ts';
import { parseDurationMs } from '../duration.ts';
import { readConfiguration } from '../machineConfiguration.ts';
import {
  addMachineOption,
  type Machine,
  type MachineOptions,
  openMachine,
} from '../machineFiles.ts';
import { moduleName, type PatchSight, seePatch } from '../patches.ts';
import { timeoutError } from '../timeout.ts';
import { formatCrossing, readTransitionOf, type Transition } from '../transition.ts';
import { GOALS, type Goal, judge } from '../waitGoal.ts';

interface Options extends MachineOptions {
  readonly for: Goal;
  readonly timeout?: number;
}

const POLL_MS = 50;
/** Between two looks at all tasks for the progress line. */
const PROGRESS_MS = 250;
const CLEAR_LINE = '\r\x1b[K';

export function addWaitCommand(program: Command): void {
  addMachineOption(program.command('wait'))
    .description('wait until a transition is over')
    .argument('<patch>', 'the name of the patch')
    .option(
      '--timeout <duration>',
      'give up after 500ms, 2s, 1m ... (default: never)',
      parseTimeout,
    )
    .addOption(new Option('--for <goal>', 'what to wait for').choices(GOALS).default('transition'))
    .addHelpText(
      'after',
      `
Goals:
  transition  "transition" reads 0
  enabled     and "enabled" reads 1
  disabled    and "enabled" reads 0, or the patch has gone after unpatching
  gone        the patch has no directory

From Linux 5.1 on the directory of a patch goes away when unpatching is
complete, while its module stays loaded until rmmod. That is the end of a
transition: "transition" and "disabled" are then reached, whether the directory
goes while we wait or had gone before. A patch whose module is not loaded
either, and that we did not see disabled, is an error.

The timeout is in real time. On a terminal, a line shows how far it is.

Exit code: 0 reached, 1 the patch is not there (any more), 124 timeout: the
first tasks that stay behind are listed, each with the reason.

Examples:
  $ echo 0 > sys/kernel/livepatch/livepatch_sample/enabled
  $ klpfs wait livepatch_sample --timeout 20s || klpfs why

The same by hand: until [ "$(cat transition)" = 0 ]; do sleep 0.1; done`,
    )
    .action(async (patch: string, options: Options) => {
      await waitFor(await openMachine(options), moduleName(patch), options);
    });
}

async function waitFor(
  machine: Machine,
  patch: string,
  { for: goal, timeout }: Options,
): Promise<void> {
  const progress = new ProgressLine(machine);
  const lastMs = performance.now() + (timeout ?? Number.POSITIVE_INFINITY);
  let before: PatchSight | undefined;
  try {
    for (;;) {
      const sight = seePatch(machine, patch);
      const verdict = judge(goal, sight, before);
      if (verdict === 'reached') return;
      if (verdict === 'vanished') throw vanishedError(patch, sight, before);
      if (performance.now() >= lastMs) throw timedOut(machine, patch, sight, timeout ?? 0);
      progress.show(patch, sight);
      before = sight;
      await setTimeout(Math.min(POLL_MS, Math.max(1, lastMs - performance.now())));
    }
  } finally {
    progress.clear();
  }
}

/** A line on the terminal that is written over and over; nothing where stderr is no terminal. */
class ProgressLine {
  readonly #machine: Machine;
  #nextMs = 0;
  #shown = false;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  show(patch: string, sight: PatchSight): void {
    if (!process.stderr.isTTY || performance.now() < this.#nextMs) return;
    this.#nextMs = performance.now() + PROGRESS_MS;
    const transition = findTransition(this.#machine, patch, sight);
    const progress = transition ? `: ${formatCrossing(transition)}` : ` ${describe(sight)}`;
    process.stderr.write(`${CLEAR_LINE}${patch}${progress}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) process.stderr.write(CLEAR_LINE);
  }
}

/** Not read unless the patch itself says that it is in transition. */
function findTransition(
  machine: Machine,
  patch: string,
  sight: PatchSight,
): Transition | undefined {
  if (sight.kind !== 'present' || !sight.transition) return undefined;
  return readTransitionOf(machine, patch);
}

function describe(sight: PatchSight): string {
  if (sight.kind !== 'present') return `is ${sight.kind}`;
  if (sight.transition) return 'is still in transition';
  return `is ${sight.enabled ? 'enabled' : 'disabled'}`;
}

function vanishedError(patch: string, sight: PatchSight, before: PatchSight | undefined) {
  if (sight.kind === 'unpatched') {
    return new CommandError(`patch ${patch} is not enabled any more`);
  }
  return new CommandError(before ? `patch ${patch} has vanished` : `there is no patch ${patch}`);
}

function timedOut(
  machine: Machine,
  patch: string,
  sight: PatchSight,
  timeoutMs: number,
): CommandError {
  const transition = findTransition(machine, patch, sight);
  const stopped = readConfiguration(machine).clock === 'manual';
  return timeoutError(timeoutMs, `${patch} ${describe(sight)}`, transition, [
    ...(stopped ? ['the clock stands still until `klpfs clock advance`'] : []),
  ]);
}

function parseTimeout(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs === undefined) throw new InvalidArgumentError('Examples: 500ms, 2s, 1m.');
  return durationMs;
}
