/** Who holds a transition up, and where: for people who look at it from outside. */
import type { Code } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { listNotIn } from '../sched/pass.ts';
import { framesOf } from '../sched/stack.ts';
import { patchStateOf, stackOf, startNsOf, type Task } from '../sched/task.ts';
import type { Holdup } from './events.ts';
import type { Transition } from './model.ts';
import { stateNumber } from './patchState.ts';
import {
  type Departing,
  departingCode,
  findHoldup,
  isKnownText,
  type Verdicts,
} from './transition.ts';

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
  /** Found out one by one; the idle tasks first. It ends early if the transition does. */
  readonly behind: Iterable<Straggler>;
}

/** Undefined outside a transition. */
export function explainTransition(kernel: Kernel): Explanation | undefined {
  const { transition } = kernel.livepatch;
  if (!transition) return undefined;
  const all = kernel.cpus.length + kernel.tasks.byPid.size;
  // Once all have switched, states are taken away one by one.
  const nobody = transition.patch.immediate || transition.phase === 'settling';
  const behind = nobody ? [] : findStragglers(kernel, transition);
  return { transition, all, behind };
}

function* findStragglers(kernel: Kernel, transition: Transition): Generator<Straggler, void> {
  const { tasks, cpus, livepatch } = kernel;
  const { target } = transition;
  const departing = departingCode(transition);
  const verdicts: Verdicts = new Map();
  for (const task of chain(
    cpus.map(({ idle }) => idle),
    listNotIn(tasks, stateNumber(target)),
  )) {
    const isOver = livepatch.transition !== transition || transition.phase === 'settling';
    if (isOver || transition.target !== target) return;
    if (patchStateOf(tasks, task) === stateNumber(target)) continue;
    const holdup = findHoldup(kernel, task, undefined, departing, verdicts);
    const frame = findFrame([...framesOf(stackOf(tasks, task))], holdup, departing);
    const sinceNs = Math.max(transition.startedNs, startNsOf(tasks, task));
    yield { task, holdup, frame, sinceNs };
  }
}

function* chain<T>(...parts: Iterable<T>[]): Generator<T, void> {
  for (const part of parts) yield* part;
}

/** The first frame that is to blame. */
function findFrame(
  frames: readonly Code[],
  holdup: Holdup | undefined,
  departing: Departing,
): number | undefined {
  if (!holdup || holdup.kind === 'running') return undefined;
  const isToBlame = (code: Code) =>
    holdup.kind === 'sleeping-on'
      ? departing.get(code)?.oldName === holdup.oldName
      : !isKnownText(code);
  const frame = frames.findIndex(isToBlame);
  return frame < 0 ? undefined : frame;
}
