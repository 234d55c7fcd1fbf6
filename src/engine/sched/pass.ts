/** Ways over all tasks: in slices between which others run, by pid, along a column. */
import { assert } from '../../abi/errno.ts';
import type { Kernel } from '../kernel.ts';
import { type Context, RESCHED } from './context.ts';
import { nextPidTaken, taskWithPid } from './pidMap.ts';
import {
  FREE_ROW,
  kindOf,
  type PatchState,
  RUN_STATES,
  type RunState,
  type Task,
  type TaskTable,
  type Walk,
} from './task.ts';

/** Visits every task, idle tasks and those that come meanwhile included. */
export function* forEachTask(kernel: Kernel, visit: (task: Task) => void): Context {
  for (const _slice of walkTasks(kernel.tasks, visit)) yield RESCHED;
}

/**
 * Visits every task, idle tasks included, in slices: yields after each. A task that is added
 * meanwhile is visited too, as under tasklist_lock in Linux.
 */
export function* walkTasks(tasks: TaskTable, visit: (task: Task) => void): Generator<void, void> {
  assert(!tasks.walk, 'two walks over the tasks at once');
  const walk: Walk = { next: 0, restRows: tasks.sliceRows - 1, visit };
  tasks.walk = walk;
  try {
    for (; walk.next < tasks.length; walk.next += 1) {
      if (walk.restRows <= 0) {
        yield;
        walk.restRows = tasks.sliceRows;
      }
      walk.restRows -= 1;
      if (tasks.pid[walk.next] !== FREE_ROW) visit(walk.next);
    }
  } finally {
    tasks.walk = undefined;
  }
}

/** What it does with a task takes the pass that is going on as long as so many rows. */
const BUSY_ROWS = 64;

/** The visitor has done more than to look at the task and note something: the slice ends sooner. */
export function countAsBusy({ walk }: TaskTable): void {
  if (walk) walk.restRows -= BUSY_ROWS;
}

/** All tasks but the idle ones that are not in this patch state, in the order of their rows. */
export function* listNotIn(tasks: TaskTable, state: PatchState): Generator<Task, void> {
  for (let task = 0; task < tasks.length; task += 1) {
    if (tasks.patchState[task] !== state && isUsed(tasks, task)) yield task;
  }
}

/** How many tasks but the idle ones are in this state. */
export function countInState(tasks: TaskTable, state: RunState): number {
  const wanted = RUN_STATES.indexOf(state);
  let count = 0;
  for (let task = 0; task < tasks.length; task += 1) {
    if (tasks.runState[task] === wanted && isUsed(tasks, task)) count += 1;
  }
  return count;
}

function isUsed(tasks: TaskTable, task: Task): boolean {
  return tasks.pid[task] !== FREE_ROW && kindOf(tasks, task) !== 'idle';
}

/** All tasks but the idle ones, by pid; tasks may come and go meanwhile. Source: next_tgid(). */
export function* listByPid({ byPid }: TaskTable): Generator<Task, void> {
  for (let pid = nextPidTaken(byPid, 1); pid !== undefined; pid = nextPidTaken(byPid, pid + 1)) {
    const task = taskWithPid(byPid, pid);
    if (task !== undefined) yield task;
  }
}
