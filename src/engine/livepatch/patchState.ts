/**
 * The patch state of one task: what it is, and the only step that changes it outside a pass.
 *
 * Source: kernel/livepatch/transition.c.
 */
import type { Kernel } from '../kernel.ts';
import { IDLE, PATCHED, type PatchState, type Task, UNPATCHED } from '../sched/task.ts';
import type { TargetState } from './model.ts';

/** Switches one task at a point where it uses no patched function. Source: klp_update_patch_state(). */
export function updatePatchState(kernel: Kernel, task: Task): void {
  kernel.tasks.patchPending[task] = 0;
  const { transition } = kernel.livepatch;
  if (transition) kernel.tasks.patchState[task] = stateNumber(transition.target);
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
