/**
 * The patch state of one task: what it is, and the only step that changes it outside a pass.
 *
 * Source: kernel/livepatch/transition.c.
 */
import type { Kernel } from '../kernel.ts';
import { cpuOfTask } from '../sched/cpu.ts';
import { runToEnd, type Steps } from '../sched/steps.ts';
import {
  IDLE,
  isPatchPending,
  PATCHED,
  type PatchState,
  type Task,
  UNPATCHED,
} from '../sched/task.ts';
import type { TargetState } from './model.ts';

/** Switches one task at a point where it uses no patched function. */
export function updatePatchState(kernel: Kernel, task: Task): void {
  runToEnd(updatePatchStateSteps(kernel, task));
}

/**
 * The flag is cleared before the target is read: a reversal that comes in between clears it, waits
 * for this to end, and sets it again. One generator without others inside: every task comes by.
 *
 * Source: klp_update_patch_state().
 */
export function* updatePatchStateSteps(kernel: Kernel, task: Task): Steps<void> {
  const { tasks } = kernel;
  const cpu = cpuOfTask(kernel, task);
  cpu.preemptCount += 1;
  try {
    const wasPending = isPatchPending(tasks, task);
    tasks.patchPending[task] = 0;
    yield 'test and clear TIF_PATCH_PENDING';
    const { transition } = kernel.livepatch;
    if (!wasPending || !transition) return;
    const state = stateNumber(transition.target);
    yield 'read the target state';
    tasks.patchState[task] = state;
    yield 'write current->patch_state';
  } finally {
    cpu.preemptCount -= 1;
  }
}

/** The patch state of a process that has just come back from user space. */
export function arrivingPatchState(kernel: Kernel): PatchState {
  const { transition } = kernel.livepatch;
  if (!transition || transition.patch.immediate) return IDLE;
  switch (transition.phase) {
    case 'initializing':
    case 'settling':
      return IDLE;
    case 'prepared':
      return stateNumber(opposite(transition.target));
    case 'started':
      return stateNumber(transition.target);
  }
}

export function opposite(target: TargetState): TargetState {
  return target === 'patched' ? 'unpatched' : 'patched';
}

export function stateNumber(target: TargetState): PatchState {
  return target === 'patched' ? PATCHED : UNPATCHED;
}
