/** The tasks of a machine, as control/tasks lists them, and where they are in a transition. */
import { type Machine, readText } from './machineFiles.ts';

/** Named as in control/tasks. */
export interface TaskRow {
  readonly pid: number;
  readonly comm: string;
  readonly kind: 'user' | 'client' | 'kthread' | 'idle';
  readonly state: string;
  readonly cpu: number;
  /** -1 outside a transition, else 0 or 1. */
  readonly patch_state: number;
  /** The newest frame first. */
  readonly stack: readonly string[];
}

/** How far a transition has come. */
export interface Crossing {
  readonly all: number;
  /** Tasks that have not switched yet. */
  readonly behind: readonly TaskRow[];
}

/** What people see of the tasks that stay behind. */
const TASKS_SHOWN = 5;

export function readTasks(machine: Machine): TaskRow[] {
  return JSON.parse(readText(machine, 'control/tasks'));
}

/** `target`: the patch_state that all tasks are to have. */
export function crossingOf(tasks: readonly TaskRow[], target: 0 | 1): Crossing {
  const behind = tasks.filter(({ patch_state: state }) => state !== target);
  return { all: tasks.length, behind };
}

/** `55 of 57 tasks have switched`. */
export function formatCrossing({ all, behind }: Crossing): string {
  return `${all - behind.length} of ${all} tasks have switched`;
}

/** A line for each task that stays behind, the first few of them. */
export function describeBehind({ behind }: Crossing): string[] {
  const lines = behind.slice(0, TASKS_SHOWN).map(describeTask);
  const more = behind.length - lines.length;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

/** `reader (pid 4242, interruptible): schedule, do_epoll_wait`. */
function describeTask({ comm, pid, state, stack }: TaskRow): string {
  return `${comm} (pid ${pid}, ${state})${stack.length > 0 ? `: ${stack.join(', ')}` : ''}`;
}
