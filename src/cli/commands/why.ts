/** `klpfs why`: who holds up the transition, where, and what would free them. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { formatStamp } from '../../tools/dmesgFormat.ts';
import { CommandError } from '../commandError.ts';
import { formatSeconds } from '../duration.ts';
import { readConfiguration } from '../machineConfiguration.ts';
import {
  addMachineOption,
  type Machine,
  type MachineOptions,
  openMachine,
} from '../machineFiles.ts';
import { describeMutex, type Mutex, readMutex } from '../mutex.ts';
import { print, printJson } from '../output.ts';
import { hasForce, LIVEPATCH, moduleName, seePatch } from '../patches.ts';
import { remediesOf } from '../remedy.ts';
import {
  describeHoldup,
  describeStraggler,
  formatCrossing,
  readTransition,
  type Straggler,
  type Transition,
} from '../transition.ts';

interface Options extends MachineOptions {
  readonly json?: true;
}

/** Named as `why --json` prints it. */
export interface Explanation extends Transition {
  readonly behind: readonly (Straggler & {
    readonly behind_us: number;
    /** Any one of them is enough. */
    readonly freed_by: readonly string[];
  })[];
  readonly turn_around: string;
  /** Null while nobody holds the livepatch mutex. */
  readonly mutex: Mutex | null;
  /** Only where the release can do that. */
  readonly force?: string;
  readonly clock: 'real' | 'manual';
}

export function addWhyCommand(program: Command): void {
  addMachineOption(program.command('why'))
    .description('explain why a transition is not over: which tasks block it, and what frees them')
    .argument('[patch]', 'the name of the patch (default: the one that is in transition)')
    .option('--json', 'as JSON; null if nothing is held up')
    .addHelpText(
      'after',
      `
For every task that has not switched: what it is, why it cannot switch, its
stack with the newest frame first and -> at the frame that it has to leave, and
what would let it go: one of the lines is enough. A callback that does not
return holds the livepatch mutex: who does, and who waits for it, is told too.

Exit code: 0 explained, or no transition; 1 there is no such patch.

Examples:
  $ klpfs why
  $ klpfs why livepatch_sample
  $ klpfs why --json | jq -r '.behind[] | "\\(.comm): \\(.freed_by[0])"'

The same as files: control/transition, control/klp_mutex`,
    )
    .action(async (patch: string | undefined, options: Options) => {
      const machine = await openMachine(options);
      const wanted = patch === undefined ? undefined : moduleName(patch);
      const mutex = readMutex(machine);
      const transition = readTransition(machine);
      const isWanted = wanted === undefined || transition?.patch === wanted;
      if (wanted !== undefined && !isWanted) requirePatch(machine, wanted);
      if (transition && isWanted) {
        const explanation = explain(machine, transition, mutex);
        if (options.json) printJson(explanation);
        else print(formatExplanation(explanation));
      } else if (options.json) {
        printJson(mutex ? { mutex } : null);
      } else {
        print(formatCalm(wanted, transition) + formatMutex(mutex));
      }
    });
}

function requirePatch(machine: Machine, patch: string): void {
  if (seePatch(machine, patch).kind === 'absent') {
    throw new CommandError(`there is no patch ${patch}`);
  }
}

function explain(machine: Machine, transition: Transition, mutex: Mutex | null): Explanation {
  const { patch, target, now_us: nowUs } = transition;
  const file = (name: string) => quote(join(machine.directory, LIVEPATCH, patch, name));
  return {
    ...transition,
    behind: transition.behind.map((task) => ({
      ...task,
      behind_us: nowUs - task.behind_since_us,
      freed_by: remediesOf(task),
    })),
    turn_around: `echo ${target === 'patched' ? 0 : 1} > ${file('enabled')}`,
    ...(hasForce(machine, patch) ? { force: `echo 1 > ${file('force')}` } : {}),
    mutex,
    clock: readConfiguration(machine).clock,
  };
}

/** One word for a shell. */
function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function formatCalm(wanted: string | undefined, other: Transition | null): string {
  if (wanted === undefined) return 'no transition\n';
  return `${wanted} is not in transition${other ? `; ${other.patch} is` : ''}\n`;
}

/** Below the rest, after an empty line. */
function formatMutex(mutex: Mutex | null): string {
  return mutex ? `\n${describeMutex(mutex).join('\n')}\n` : '';
}

export function formatExplanation(explanation: Explanation): string {
  const { patch, target, since_us: sinceUs, now_us: nowUs, passes, behind } = explanation;
  const paragraphs = [
    [
      `${patch}: in transition to ${target} for ${formatUs(nowUs - sinceUs)}, since ${formatStamp(sinceUs)}`,
      `${formatCrossing(explanation)}, after ${passes} ${passes === 1 ? 'pass' : 'passes'}`,
    ],
    ...behind.map(describeTask),
    describeWaysOut(explanation),
  ];
  return (
    paragraphs.map((lines) => `${lines.join('\n')}\n`).join('\n') + formatMutex(explanation.mutex)
  );
}

function describeTask(task: Explanation['behind'][number]): string[] {
  return [
    describeStraggler(task),
    `  ${describeHoldup(task)}, behind for ${formatUs(task.behind_us)}`,
    ...task.stack.map((frame, index) => `  ${index === task.frame ? '->' : '  '} ${frame}`),
    ...task.freed_by.map(
      (remedy, index) => `  ${index === 0 ? 'freed by' : '      or'}: ${remedy}`,
    ),
  ];
}

function describeWaysOut({ behind, turn_around, force, clock }: Explanation): string[] {
  const isStill = clock === 'manual' ? ['the clock stands still until `klpfs clock advance`'] : [];
  const completion =
    behind.length === 0 ? ['no task is behind: the next pass, within two seconds, ends it'] : [];
  return [
    ...completion,
    `to turn the transition around: ${turn_around}`,
    ...(force && behind.length > 0
      ? [
          `to force it: ${force}`,
          '  (a last resort: tasks may then run old and new functions side by side, and the',
          '  module may never be removable again)',
        ]
      : []),
    ...isStill,
  ];
}

function formatUs(durationUs: number): string {
  return formatSeconds(Math.round(durationUs / 1000));
}
