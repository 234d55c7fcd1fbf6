/** The transition that is going on, as control/transition tells it, and who holds it up. */
import { type Machine, readText } from './machineFiles.ts';
import type { TaskRow } from './tasks.ts';

/** A task that has not switched yet. Named as in control/transition. */
export interface Straggler extends TaskRow {
  /** null: the next pass will switch it. */
  readonly holdup: 'running' | 'unreliable-stack' | 'sleeping-on' | null;
  /** What it sleeps on, by the name under which it is patched. */
  readonly function: string | null;
  /** The frame of its stack that it has to leave, or that cannot be trusted. */
  readonly frame: number | null;
  /** Since the transition began, was turned around last, or the task was born. */
  readonly behind_since_us: number;
}

/** How far a transition has come. */
export interface Crossing {
  readonly all: number;
  readonly behind: readonly Straggler[];
}

/** Named as in control/transition. */
export interface Transition extends Crossing {
  readonly patch: string;
  readonly target: 'patched' | 'unpatched';
  /** Since it began, or was turned around last; both as in the kernel log. */
  readonly since_us: number;
  readonly now_us: number;
  /** Of the loop over all tasks. */
  readonly passes: number;
}

/** What people see of the tasks that stay behind. */
const TASKS_SHOWN = 5;

/** Null if there is none. */
export function readTransition(machine: Machine): Transition | null {
  return JSON.parse(readText(machine, 'control/transition'));
}

/** Undefined unless it is this patch that is in transition. */
export function readTransitionOf(machine: Machine, patch: string): Transition | undefined {
  const transition = readTransition(machine);
  return transition?.patch === patch ? transition : undefined;
}

/** `55 of 57 tasks have switched`. */
export function formatCrossing({ all, behind }: Crossing): string {
  return `${all - behind.length} of ${all} tasks have switched`;
}

/** A line for each task that stays behind, the first few of them: what `klpfs why` says, in short. */
export function describeBehind({ behind }: Crossing): string[] {
  const lines = behind
    .slice(0, TASKS_SHOWN)
    .map((task) => `${task.comm} (${placeOf(task)}, ${task.state}): ${shortReason(task)}`);
  const more = behind.length - lines.length;
  return more > 0 ? [...lines, `and ${more} more; \`klpfs why\` shows them all`] : lines;
}

/** `reader (pid 4242), user, interruptible`. */
export function describeStraggler(task: Straggler): string {
  return `${task.comm} (${placeOf(task)}), ${task.kind}, ${task.state}`;
}

export function describeHoldup(task: Straggler): string {
  return task.holdup === 'sleeping-on' ? `sleeping on ${task.function}` : shortReason(task);
}

/** A function alone is the one that the task sleeps on. */
function shortReason({ holdup, function: name, cpu }: Straggler): string {
  switch (holdup) {
    case 'sleeping-on':
      return String(name);
    case 'running':
      return `running on cpu ${cpu}`;
    case 'unreliable-stack':
      return 'unreliable stack';
    case null:
      return 'free to switch';
  }
}

/** All idle tasks have the pid 0. */
function placeOf({ kind, cpu, pid }: Straggler): string {
  return kind === 'idle' ? `cpu ${cpu}` : `pid ${pid}`;
}
