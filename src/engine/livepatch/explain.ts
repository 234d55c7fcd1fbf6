/** Who holds a transition up, and where: for people who look at it from outside. */
import type { Code } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { framesOf } from '../sched/stack.ts';
import { listTasks, patchStateOf, stackOf, startNsOf, type Task } from '../sched/task.ts';
import type { Holdup } from './events.ts';
import type { Transition } from './model.ts';
import { stateNumber } from './patchState.ts';
import { departingCode, findHoldup, isKnownText } from './transition.ts';

/** A task that has not switched yet. */
export interface Straggler {
  readonly task: Task;
  /** Undefined: the next pass will switch it. */
  readonly holdup: Holdup | undefined;
  /** Which frame of its stack it has to leave, or nobody knows, counted from the newest. */
  readonly frame: number | undefined;
  /** Since when, nanoseconds since boot: a child has not been behind before it was born. */
  readonly sinceNs: number;
}

export interface Explanation {
  readonly transition: Transition;
  readonly all: number;
  readonly behind: readonly Straggler[];
}

/** Undefined outside a transition. */
export function explainTransition(kernel: Kernel): Explanation | undefined {
  const { transition } = kernel.livepatch;
  if (!transition) return undefined;
  const target = stateNumber(transition.target);
  const departing = departingCode(kernel, transition);
  const tasks = [...kernel.cpus.map(({ idle }) => idle), ...listTasks(kernel.tasks)];
  const behind = transition.patch.immediate
    ? []
    : tasks
        .filter((task) => patchStateOf(kernel.tasks, task) !== target)
        .map((task) => explainTask(kernel, transition, task, departing));
  return { transition, all: tasks.length, behind };
}

function explainTask(
  kernel: Kernel,
  { startedNs }: Transition,
  task: Task,
  departing: ReturnType<typeof departingCode>,
): Straggler {
  const { tasks } = kernel;
  const holdup = findHoldup(kernel, task, undefined, departing, new Map());
  const frames: Code[] = [...framesOf(stackOf(tasks, task))];
  const frame =
    holdup?.kind === 'unreliable-stack'
      ? frames.findIndex((code) => !isKnownText(code))
      : frames.findIndex((code) => departing.has(code));
  const sinceNs = Math.max(startedNs, startNsOf(tasks, task));
  return { task, holdup, frame: frame < 0 ? undefined : frame, sinceNs };
}
