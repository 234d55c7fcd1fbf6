/**
 * control/tasks and control/transition: what every task is doing, as JSON.
 *
 * A machine may have a million tasks, so the text is made while it is read; a task that has gone by
 * then is left out.
 */
import { NS_PER_US } from '../engine/clock.ts';
import type { Code } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import { explainTransition, type Straggler } from '../engine/livepatch/explain.ts';
import { objectName, patchName } from '../engine/livepatch/model.ts';
import { framesOf, type Stack } from '../engine/sched/stack.ts';
import {
  commOf,
  cpuOf,
  kindOf,
  patchStateOf,
  pidOf,
  runStateOf,
  stackOf,
  type Task,
  tgidOf,
} from '../engine/sched/task.ts';
import { listShownTasks } from './proc.ts';
import { parentPidOf } from './procIdentity.ts';
import type { Text } from './snapshot.ts';

/** A JSON array, a line for each task: the idle tasks first, which /proc does not show. */
export function showTasks(kernel: Kernel): Text {
  return { pieces: tasksAsJson(kernel) };
}

function* tasksAsJson(kernel: Kernel): Generator<string, void> {
  const describe = createDescriber(kernel);
  let separator = '[\n';
  for (const task of everyTask(kernel)) {
    yield `${separator}{${describe(task)}}`;
    separator = ',\n';
  }
  yield '\n]\n';
}

function* everyTask(kernel: Kernel): Generator<Task, void> {
  for (const { idle } of kernel.cpus) yield idle;
  yield* listShownTasks(kernel);
}

/** The transition that is going on, and the tasks that are behind; null if there is none. */
export function showTransition(kernel: Kernel): Text {
  const explanation = explainTransition(kernel);
  if (!explanation) return 'null\n';
  const { transition, all, behind } = explanation;
  const head = JSON.stringify({
    patch: patchName(transition.patch),
    target: transition.target,
    since_us: Math.floor(transition.startedNs / NS_PER_US),
    now_us: Math.floor(kernel.clock.nowNs / NS_PER_US),
    passes: transition.passes,
    all,
  });
  return { pieces: transitionAsJson(kernel, head, behind) };
}

/** Who holds the livepatch mutex, in which callback, and who waits for it; null if nobody does. */
export function showMutex(kernel: Kernel): Text {
  const { mutex, callback } = kernel.livepatch;
  if (mutex.owner === undefined) return 'null\n';
  const describe = createDescriber(kernel);
  const held = membersOf({
    since_us: Math.floor(mutex.sinceNs / NS_PER_US),
    now_us: Math.floor(kernel.clock.nowNs / NS_PER_US),
    callback: callback
      ? {
          name: callback.which,
          object: objectName(callback.object),
          patch: patchName(callback.object.patch),
        }
      : null,
  });
  const waiters = mutex.queue.waiters.map((task) => `{${describe(task)}}`).join(',');
  return `{${held},"owner":{${describe(mutex.owner)}},"waiters":[${waiters}]}\n`;
}

function* transitionAsJson(
  kernel: Kernel,
  head: string,
  behind: Iterable<Straggler>,
): Generator<string, void> {
  const describe = createDescriber(kernel);
  yield `${head.replace(/}$/, '')},"behind":[`;
  let separator = '';
  for (const straggler of behind) {
    yield `${separator}{${describe(straggler.task)},${describeHoldup(straggler)}}`;
    separator = ',';
  }
  yield ']}\n';
}

function describeHoldup({ holdup, frame, sinceNs }: Straggler): string {
  return membersOf({
    holdup: holdup?.kind ?? null,
    function: holdup?.kind === 'sleeping-on' ? holdup.oldName : null,
    frame: frame ?? null,
    behind_since_us: Math.floor(sinceNs / NS_PER_US),
  });
}

/** What is between the braces. */
function membersOf(object: object): string {
  return JSON.stringify(object).slice(1, -1);
}

/**
 * Tells of tasks in the words of the queries, as the members of a JSON object. Stacks, which tasks
 * share, are written once.
 */
function createDescriber(kernel: Kernel): (task: Task) => string {
  const { tasks } = kernel;
  const written = new Map<Stack, string>();
  const writeStack = (stack: Stack) => {
    const known = written.get(stack) ?? JSON.stringify([...framesOf(stack)].map(nameOf));
    written.set(stack, known);
    return known;
  };
  return (task) =>
    `"pid":${pidOf(tasks, task)},"tgid":${tgidOf(tasks, task)},"ppid":${parentPidOf(kernel, task)},` +
    `"comm":${JSON.stringify(commOf(tasks, task))},"kind":"${tasks.adopted.has(task) ? 'host' : kindOf(tasks, task)}",` +
    `"state":"${runStateOf(tasks, task)}","cpu":${cpuOf(tasks, task)},` +
    `"patch_state":${patchStateOf(tasks, task)},"stack":${writeStack(stackOf(tasks, task))}`;
}

function nameOf({ name }: Code): string {
  return name;
}
