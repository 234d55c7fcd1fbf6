/**
 * System states: what a livepatch changes beyond code, handed from one cumulative patch to the next.
 *
 * Source: kernel/livepatch/state.c of 5.5 and later.
 */
import { emit } from '../events.ts';
import type { Kernel } from '../kernel.ts';
import { LOG_LEVEL } from '../printk.ts';
import type { Patch, SystemState } from './model.ts';

/** What the patch says of this state; undefined if nothing. Source: klp_get_state(). */
export function getState({ states }: Patch, id: number): SystemState | undefined {
  return states.find((state) => state.id === id);
}

/**
 * What the newest of the older patches says of it; for callbacks, in a transition.
 *
 * Source: klp_get_prev_state().
 */
export function getPrevState(kernel: Kernel, id: number): SystemState | undefined {
  const { patches, transition } = kernel.livepatch;
  if (!transition) {
    warnOnce(kernel, 'klp_get_prev_state() outside a transition');
    return undefined;
  }
  const older = patches.slice(0, patches.indexOf(transition.patch));
  return older.flatMap(({ states }) => states).findLast((state) => state.id === id);
}

/** Whether the patch can be enabled on top of those that are. Source: klp_is_patch_compatible(). */
export function isPatchCompatible({ livepatch }: Kernel, patch: Patch): boolean {
  return livepatch.patches.every(({ states }) =>
    states.every((older) => isStateCompatible(patch, older)),
  );
}

/** One that replaces has to take over each state. Source: klp_is_state_compatible(). */
function isStateCompatible(patch: Patch, older: SystemState): boolean {
  const state = getState(patch, older.id);
  return state ? state.version >= older.version : !patch.replace;
}

/** WARN_ON_ONCE(). */
function warnOnce(kernel: Kernel, what: string): void {
  const { printedOnce } = kernel.modules;
  if (printedOnce.has(what)) return;
  printedOnce.add(what);
  emit(kernel, { type: 'printk', level: LOG_LEVEL.warning, text: `WARNING: ${what}` });
}
