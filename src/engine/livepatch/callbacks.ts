/** (Un)patch callbacks: when they run, and what they may decide. Source: kernel/livepatch/core.h. */
import { emit } from '../events.ts';
import type { Kernel } from '../kernel.ts';
import { type Context, settle } from '../sched/context.ts';
import { objectName, type PatchObject } from './model.ts';

/**
 * Runs pre_patch. Zero lets the patch go on, and makes post_unpatch follow some day; anything else
 * is the errno that refuses it. Source: klp_pre_patch_callback().
 */
export function* runPrePatch(kernel: Kernel, object: PatchObject): Context<number> {
  const { prePatch } = object.callbacks;
  const returned = prePatch ? yield* settle(prePatch(kernel, object)) : 0;
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
    const answer = object.callbacks[which]?.(kernel, object);
    if (answer) yield* answer;
  } catch (error) {
    emit(kernel, { type: 'bug', where: `${which} of ${objectName(object)}`, error });
  }
}
