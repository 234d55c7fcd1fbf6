/** (Un)patch callbacks: when they run, and what they may decide. Source: kernel/livepatch/core.h. */
import { emit } from '../events.ts';
import type { Kernel } from '../kernel.ts';
import { type Answer, type Context, settle } from '../sched/context.ts';
import { objectName, type PatchObject, type RunningCallback } from './model.ts';

/**
 * Runs pre_patch. Zero lets the patch go on, and makes post_unpatch follow some day; anything else
 * is the errno that refuses it. Source: klp_pre_patch_callback().
 */
export function* runPrePatch(kernel: Kernel, object: PatchObject): Context<number> {
  const { prePatch } = object.callbacks;
  const returned = prePatch
    ? yield* noted(kernel, { which: 'pre_patch', object }, () => prePatch(kernel, object))
    : 0;
  object.postUnpatchEnabled = returned === 0;
  return returned;
}

/**
 * Runs one of the others; post_unpatch only where pre_patch had succeeded. They cannot refuse
 * anything, so one that throws is logged, and the transition goes on.
 */
export function* runCallback(
  kernel: Kernel,
  object: PatchObject,
  which: 'postPatch' | 'preUnpatch' | 'postUnpatch',
): Context {
  if (which === 'postUnpatch') {
    const due = object.postUnpatchEnabled;
    object.postUnpatchEnabled = false;
    if (!due) return;
  }
  try {
    const callback = object.callbacks[which];
    if (!callback) return;
    yield* noted(kernel, { which: NAMES[which], object }, () => callback(kernel, object));
  } catch (error) {
    emit(kernel, { type: 'bug', where: `${which} of ${objectName(object)}`, error });
  }
}

const NAMES = {
  postPatch: 'post_patch',
  preUnpatch: 'pre_unpatch',
  postUnpatch: 'post_unpatch',
} as const;

/** While it runs, people can see which one holds the mutex. */
function* noted<T>(
  { livepatch }: Kernel,
  callback: RunningCallback,
  run: () => Answer<T>,
): Context<T> {
  livepatch.callback = callback;
  try {
    return yield* settle(run());
  } finally {
    livepatch.callback = undefined;
  }
}
