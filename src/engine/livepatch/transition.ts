/**
 * The consistency model: moves every task to the target patch state, one task at a time.
 *
 * A pass over all tasks is cut in slices; what others can see between two slices is what another
 * cpu could see on Linux, where the same loop runs under tasklist_lock.
 *
 * Source: kernel/livepatch/transition.c.
 */
import { assert } from '../../abi/errno.ts';
import { HZ, roundJiffiesRelativeNs } from '../clock.ts';
import { isDebugOn } from '../dynamicDebug/sites.ts';
import { emit } from '../events.ts';
import type { Code } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { type Context, WRITE_BARRIER } from '../sched/context.ts';
import { cpuOfTask, isRunning } from '../sched/cpu.ts';
import { countAsBusy, forEachTask } from '../sched/pass.ts';
import { armTick } from '../sched/scheduler.ts';
import { framesOf, type Stack } from '../sched/stack.ts';
import {
  commOf,
  cpuOf,
  IDLE,
  isPatchPending,
  kindOf,
  patchStateOf,
  pidOf,
  runStateOf,
  stackOf,
  type Task,
} from '../sched/task.ts';
import { withMutex } from '../sched/wait.ts';
import { queueDelayedWork } from '../sched/workqueue.ts';
import { runCallback } from './callbacks.ts';
import type { Holdup } from './events.ts';
import {
  funcsOf,
  isObjectLoaded,
  newFuncOf,
  type Patch,
  type PatchFunc,
  patchName,
  type TargetState,
  type Transition,
} from './model.ts';
import { codeBelow, unpatchObjects } from './patch.ts';
import { opposite, stateNumber, updatePatchState } from './patchState.ts';
import { discardNops, unpatchReplacedPatches } from './replace.ts';

/** MAX_STACK_ENTRIES: a deeper stack counts as unreliable. */
const MAX_STACK_ENTRIES = 100;

/**
 * Gives every task the initial state, then marks the functions: a handler that sees the mark must
 * find a state.
 *
 * Source: klp_init_transition().
 */
export function* initTransition(kernel: Kernel, patch: Patch, target: TargetState): Context {
  assert(!kernel.livepatch.transition, 'one transition at a time');
  const transition: Transition = {
    patch,
    target,
    phase: 'initializing',
    passes: 0,
    startedNs: kernel.clock.nowNs,
  };
  kernel.livepatch.transition = transition;
  emit(kernel, { type: 'transition-initializing', patch: patchName(patch), target });

  if (!patch.immediate) {
    const initial = stateNumber(opposite(target));
    yield* forEachTask(kernel, (task) => {
      const state = patchStateOf(kernel.tasks, task);
      assert(state === IDLE || state === initial, 'outside a transition tasks are idle');
      kernel.tasks.patchState[task] = initial;
    });
    yield WRITE_BARRIER;
    for (const func of funcsOf(patch)) func.transition = true;
  }
  transition.phase = 'prepared';
}

/** Tells every task that is not there yet to switch. Source: klp_start_transition(). */
export function* startTransition(kernel: Kernel): Context {
  const transition = currentTransition(kernel);
  const { patch, target } = transition;
  emit(kernel, { type: 'transition-starting', patch: patchName(patch), target });
  transition.phase = 'started';
  transition.passes = 0;
  transition.startedNs = kernel.clock.nowNs;
  if (patch.immediate) return;

  const targetState = stateNumber(target);
  yield* forEachTask(kernel, (task) => {
    if (patchStateOf(kernel.tasks, task) === targetState) return;
    kernel.tasks.patchPending[task] = 1;
    armTick(kernel, cpuOfTask(kernel, task));
  });
  kernel.semantics.started(kernel);
}

/**
 * Switches every task that can be switched; completes the transition, or comes back later.
 *
 * Source: klp_try_complete_transition().
 */
export function* tryCompleteTransition(kernel: Kernel): Context {
  const transition = currentTransition(kernel);
  const { patch } = transition;

  if (!patch.immediate && (yield* switchTasks(kernel, transition)) > 0) {
    yield* kernel.semantics.nudge(kernel, transition);
    transition.passes += 1;
    scheduleRetry(kernel);
    return;
  }
  yield* completeTransition(kernel);
  kernel.semantics.retireCompleted(kernel, patch);
}

/**
 * Turns a transition around. Tasks that have switched must switch back; those that have not are
 * there already. Completion is left to the retry that is pending.
 *
 * Source: klp_reverse_transition().
 */
export function* reverseTransition(kernel: Kernel): Context {
  const transition = currentTransition(kernel);
  const { patch, target } = transition;
  emit(kernel, { type: 'transition-reversing', patch: patchName(patch), target });
  patch.enabled = !patch.enabled;
  transition.target = opposite(target);

  yield* forEachTask(kernel, (task) => {
    kernel.tasks.patchPending[task] = 0;
  });
  yield* kernel.livepatch.synchronize(kernel);
  yield* startTransition(kernel);
}

/** Ends a transition that was never started, because enabling failed. */
export function* cancelTransition(kernel: Kernel): Context {
  const transition = currentTransition(kernel);
  assert(transition.target === 'patched', 'only patching is cancelled');
  emit(kernel, { type: 'transition-canceling', patch: patchName(transition.patch) });
  // All tasks are where it goes now, and so is whoever comes.
  transition.target = 'unpatched';
  transition.phase = 'started';
  yield* completeTransition(kernel);
}

/**
 * Switches the remaining tasks whatever they are doing. The next pass completes the transition.
 *
 * Source: klp_force_transition().
 */
export function* forceTransition(kernel: Kernel): Context {
  const { patch } = currentTransition(kernel);
  emit(kernel, { type: 'transition-forcing', patch: patchName(patch) });
  yield* forEachTask(kernel, (task) => {
    if (isPatchPending(kernel.tasks, task)) updatePatchState(kernel, task);
  });
  kernel.semantics.noteForced(kernel, patch);
}

/** Pops what is to go, takes the marks and states away, runs the callbacks. */
function* completeTransition(kernel: Kernel): Context {
  const transition = currentTransition(kernel);
  const { patch, target } = transition;
  emit(kernel, { type: 'transition-completing', patch: patchName(patch), target });

  if (patch.replace && target === 'patched') {
    yield* unpatchReplacedPatches(kernel, patch);
    yield* discardNops(kernel, patch);
  }
  if (target === 'unpatched') {
    yield* unpatchObjects(kernel, patch);
    yield* kernel.livepatch.synchronize(kernel);
  }
  if (!patch.immediate) yield* settleTasks(kernel, transition);

  for (const object of patch.objects) {
    if (!isObjectLoaded(object)) continue;
    yield* runCallback(kernel, object, target === 'patched' ? 'postPatch' : 'postUnpatch');
  }
  emit(kernel, { type: 'transition-completed', patch: patchName(patch), target });
  if (target === 'unpatched') kernel.semantics.retireUnpatched(patch);
  kernel.livepatch.transition = undefined;
}

/** Nobody may see a marked function with an idle task, so the order matters. */
function* settleTasks(kernel: Kernel, transition: Transition): Context {
  for (const func of funcsOf(transition.patch)) func.transition = false;
  yield WRITE_BARRIER;
  if (transition.target === 'patched') yield* kernel.livepatch.synchronize(kernel);
  transition.phase = 'settling';
  yield* forEachTask(kernel, (task) => {
    assert(!isPatchPending(kernel.tasks, task), 'at its end all tasks have switched');
    kernel.tasks.patchState[task] = IDLE;
  });
}

/** Tries every task, without an early end; answers how many stay behind. */
function* switchTasks(kernel: Kernel, transition: Transition): Context<number> {
  const writer = kernel.current;
  const departing = departingCode(transition);
  const verdicts: Verdicts = new Map();
  const target = stateNumber(transition.target);
  let stragglers = 0;
  const trySwitch = (task: Task) => {
    if (patchStateOf(kernel.tasks, task) === target) return;
    const holdup = findHoldup(kernel, task, writer, departing, verdicts);
    if (holdup) {
      stragglers += 1;
      if (holdup.kind === 'running' && kindOf(kernel.tasks, task) === 'idle') {
        kernel.semantics.pokeIdle(cpuOfTask(kernel, task));
      }
      announceHoldup(kernel, task, holdup);
      return;
    }
    switchTask(kernel, task, transition);
  };
  yield* forEachTask(kernel, (task) => {
    if (kindOf(kernel.tasks, task) !== 'idle') trySwitch(task);
  });
  for (const { idle } of kernel.cpus) trySwitch(idle);
  return stragglers;
}

/**
 * A kthread that computes tries itself, where it would let others run.
 *
 * Source: __klp_sched_try_switch(), from 6.4 on called by cond_resched().
 */
export function schedTrySwitch(kernel: Kernel, task: Task): void {
  const { transition } = kernel.livepatch;
  if (!transition || !isPatchPending(kernel.tasks, task)) return;
  const holdup = findHoldup(kernel, task, task, departingCode(transition), new Map());
  if (holdup) announceHoldup(kernel, task, holdup);
  else switchTask(kernel, task, transition);
}

function switchTask({ tasks }: Kernel, task: Task, { target }: Transition): void {
  tasks.patchPending[task] = 0;
  tasks.patchState[task] = stateNumber(target);
}

/** Why a task cannot be switched now; undefined if it can. Source: klp_try_switch_task(). */
export function findHoldup(
  kernel: Kernel,
  task: Task,
  writer: Task | undefined,
  departing: Departing,
  verdicts: Verdicts,
): Holdup | undefined {
  if (!kernel.config.reliableStacktrace) return { kind: 'unreliable-stack' };
  if (runStateOf(kernel.tasks, task) === 'zombie') return undefined;
  if (isIdleOfOfflineCpu(kernel, task)) return undefined;
  if (task !== writer && isRunning(kernel, task)) {
    return { kind: 'running' };
  }
  return judge(stackOf(kernel.tasks, task), departing, verdicts) ?? undefined;
}

/** What was found out about stacks in this pass; null: nothing is wrong with it. */
export type Verdicts = Map<Stack, Holdup | null>;

function judge(stack: Stack, departing: Departing, verdicts: Verdicts): Holdup | null {
  const known = verdicts.get(stack);
  if (known !== undefined) return known;
  const verdict = checkStack(stack, departing) ?? null;
  verdicts.set(stack, verdict);
  return verdict;
}

/** Nobody will ever come by its idle loop: it is switched as it is. */
function isIdleOfOfflineCpu(kernel: Kernel, task: Task): boolean {
  return kindOf(kernel.tasks, task) === 'idle' && !cpuOfTask(kernel, task).online;
}

/** A stack is judged by what it returns into. Source: klp_check_stack(). */
function checkStack(stack: Stack, departing: Departing): Holdup | undefined {
  if (!isReliable(stack)) return { kind: 'unreliable-stack' };
  const frames = new Set(framesOf(stack));
  for (const [code, func] of departing) {
    if (frames.has(code)) return { kind: 'sleeping-on', oldName: func.oldName };
  }
  return undefined;
}

/** Source: save_stack_trace_tsk_reliable(), __save_stack_trace_reliable() of 4.15. */
function isReliable(stack: Stack): boolean {
  return stack.depth <= MAX_STACK_ENTRIES && [...framesOf(stack)].every(isKnownText);
}

/** __kernel_text_address(), and that the unwinder gets past it. */
export function isKnownText({ module, unwind }: Code): boolean {
  return unwind && module?.state !== 'unformed';
}

/** Code that tasks have to leave, with the function on whose account. */
export type Departing = Map<Code, PatchFunc>;

/** In the order of objects and functions. */
export function departingCode({ patch, target }: Transition): Departing {
  const departing: Departing = new Map();
  for (const func of funcsOf(patch)) {
    if (!func.object.patched || func.immediate) continue;
    const code = target === 'unpatched' ? newFuncOf(func) : codeBelow(func);
    if (code && !departing.has(code)) departing.set(code, func);
  }
  return departing;
}

function announceHoldup(kernel: Kernel, task: Task, holdup: Holdup): void {
  if (!isDebugOn(kernel, holdup.kind) && kernel.taskListeners.length === 0) return;
  countAsBusy(kernel.tasks);
  emit(kernel, {
    type: 'task-held-up',
    comm: commOf(kernel.tasks, task),
    pid: pidOf(kernel.tasks, task),
    holdup,
    printer: kernel.semantics.holdupPrinter(holdup),
  });
}

/** Only one retry is ever pending. Source: klp_transition_work_fn(), schedule_delayed_work(). */
function scheduleRetry(kernel: Kernel): void {
  const { livepatch } = kernel;
  if (livepatch.retryPending) return;
  livepatch.retryPending = true;
  const cpu = cpuOf(kernel.tasks, kernel.current);
  const delayNs = roundJiffiesRelativeNs(kernel.clock, HZ, cpu);
  queueDelayedWork(kernel, cpu, delayNs, function* retry() {
    livepatch.retryPending = false;
    yield* withMutex(kernel, livepatch.mutex, function* tryAgain() {
      if (livepatch.transition) yield* tryCompleteTransition(kernel);
    });
  });
}

function currentTransition(kernel: Kernel): Transition {
  const { transition } = kernel.livepatch;
  assert(transition, 'a transition is going on');
  return transition;
}
