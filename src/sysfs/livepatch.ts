/**
 * The files of /sys/kernel/livepatch/<patch>/, in the order of klp_patch_attrs[].
 *
 * Source: kernel/livepatch/core.c. Spans are read off the tagged sources, not Documentation/ABI,
 * which dates `force` to 4.15 although the 4.15 source has none.
 */
import { KernelError } from '../abi/errno.ts';
import { since } from '../abi/release.ts';
import type { Kernel } from '../engine/kernel.ts';
import { parseBool } from '../engine/kstrtox.ts';
import { writeEnabled } from '../engine/livepatch/core.ts';
import { isInTransition, type Patch, type PatchObject } from '../engine/livepatch/model.ts';
import { forceTransition } from '../engine/livepatch/transition.ts';
import type { Context } from '../engine/sched/context.ts';
import { withMutex } from '../engine/sched/wait.ts';
import { type AttributeTable, formatFlag, ro, rw, wo } from './attribute.ts';

export const patchAttributes: AttributeTable<Patch> = {
  enabled: rw(since('4.0'), (patch) => formatFlag(patch.enabled), storeEnabled),
  transition: ro(since('4.12'), (patch, kernel) => formatFlag(isInTransition(kernel, patch))),
  force: wo(since('4.16'), storeForce),
  replace: ro(since('6.11'), (patch) => formatFlag(patch.replace)),
  stack_order: ro(since('6.14'), showStackOrder),
};

export const objectAttributes: AttributeTable<PatchObject> = {
  patched: ro(since('6.1'), (object) => formatFlag(object.patched)),
};

/** A write during the patch's own transition turns it around. Source: enabled_store(). */
function* storeEnabled(patch: Patch, input: string, kernel: Kernel): Context {
  const enabled = parseBool(input, kernel.config.release);
  yield* writeEnabled(kernel, patch, enabled);
}

/**
 * Its place on the list, from 1; one that is off the list already gets the length of the list.
 *
 * Source: stack_order_show().
 */
function* showStackOrder(patch: Patch, kernel: Kernel): Context<string> {
  const { mutex, patches } = kernel.livepatch;
  return yield* withMutex(kernel, mutex, () => {
    const place = patches.indexOf(patch);
    return `${place < 0 ? patches.length : place + 1}\n`;
  });
}

/** Writing 0 succeeds and does nothing. Source: force_store(). */
function* storeForce(patch: Patch, input: string, kernel: Kernel): Context {
  if (!parseBool(input, kernel.config.release)) return;
  yield* withMutex(kernel, kernel.livepatch.mutex, function* force() {
    if (!isInTransition(kernel, patch)) throw new KernelError('EINVAL', 'not in transition');
    yield* forceTransition(kernel);
  });
}
