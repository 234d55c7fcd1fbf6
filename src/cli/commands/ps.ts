/** `klpfs ps`: control/tasks as a table. */
import type { Command } from 'commander';
import { addMachineOption, type MachineOptions, openMachine } from '../machineFiles.ts';
import { formatTable, print, printJson } from '../output.ts';
import { readTasks, type TaskRow } from '../tasks.ts';
import { readTransition } from '../transition.ts';

interface Options extends MachineOptions {
  readonly blocking?: true;
  readonly json?: true;
}

const HEADER = ['PID', 'KIND', 'STATE', 'CPU', 'PATCH', 'COMM', 'STACK'];
/** The kernel's words for patch_state. */
const PATCH_STATES: ReadonlyMap<number, string> = new Map([
  [-1, '-'],
  [0, 'unpatched'],
  [1, 'patched'],
]);

export function addPsCommand(program: Command): void {
  addMachineOption(program.command('ps'))
    .description('list the tasks: what they execute, and where they are in a transition')
    .option('--blocking', 'only those that have not switched; none outside a transition')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
PATCH is "-" outside a transition, and in one the state that the task is in:
"unpatched" runs the old functions, "patched" the new ones. STACK begins with
the newest frame. A "thread" is one beside the first of its process. A
"client" is the process behind a request, and "host" one of the host's that the
machine has adopted (klpfs run --as-process).

Examples:
  $ klpfs ps
  $ klpfs ps --json | jq -r '.[] | select(.patch_state == 0).comm'
  $ klpfs ps --blocking        # and klpfs why says what would free them

The same as files: control/tasks, control/transition,
proc/PID/patch_state, proc/PID/stack`,
    )
    .action(async (options: Options) => {
      const machine = await openMachine(options);
      const tasks = options.blocking ? (readTransition(machine)?.behind ?? []) : readTasks(machine);
      if (options.json) printJson(tasks);
      else print(formatTasks(tasks));
    });
}

export function formatTasks(tasks: readonly TaskRow[]): string {
  const rows = tasks.map(
    ({ pid, tgid, kind, state, cpu, patch_state: patchState, comm, stack }) => [
      String(pid),
      pid === tgid ? kind : 'thread',
      state,
      String(cpu),
      PATCH_STATES.get(patchState) ?? String(patchState),
      comm,
      stack.join(' '),
    ],
  );
  return formatTable([HEADER, ...rows]);
}
