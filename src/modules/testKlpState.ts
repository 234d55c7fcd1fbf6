/**
 * test_klp_state, test_klp_state2, test_klp_state3: livepatches that change the console's loglevel,
 * and hand the change over to each other.
 *
 * Source: lib/livepatch/test_klp_state{,2,3}.c.
 */

import {
  type Callbacks,
  defineLivepatch,
  getPrevState,
  getState,
  type Kernel,
  KernelError,
  type PatchObject,
  prInfo,
  type SystemState,
  since,
} from './api.ts';
import { tellingCallbacks } from './callbackLines.ts';

/** CONSOLE_LOGLEVEL_STATE and CONSOLE_LOGLEVEL_MOTORMOUTH. */
const ID = 1;
const MOTORMOUTH = 15;

interface Change {
  readonly kernel: Kernel;
  readonly object: PatchObject;
  readonly own: SystemState | undefined;
  /** Of the patch before, where this version knows how to take it over. */
  readonly older: SystemState | undefined;
}

interface Version {
  readonly name: string;
  readonly version: number;
  readonly olderState: (kernel: Kernel) => SystemState | undefined;
}

function define({ name, version, olderState }: Version) {
  const tell = tellingCallbacks();
  const then =
    (act: (change: Change) => void) =>
    (kernel: Kernel, object: PatchObject): void =>
      act({ kernel, object, own: getState(object.patch, ID), older: olderState(kernel) });
  const callbacks: Callbacks = {
    prePatch(kernel, object) {
      tell.prePatch?.(kernel, object);
      then(allocateLoglevelState)(kernel, object);
      return 0;
    },
    postPatch(kernel, object) {
      tell.postPatch?.(kernel, object);
      then(fixConsoleLoglevel)(kernel, object);
    },
    preUnpatch(kernel, object) {
      tell.preUnpatch?.(kernel, object);
      then(restoreConsoleLoglevel)(kernel, object);
    },
    postUnpatch(kernel, object) {
      tell.postUnpatch?.(kernel, object);
      then(freeLoglevelState)(kernel, object);
    },
  };
  return defineLivepatch({
    name,
    releases: since('5.5'),
    replace: true,
    states: [{ id: ID, version }],
    objects: [{ callbacks }],
  });
}

function allocateLoglevelState({ kernel, object, own, older }: Change): void {
  if (older) {
    say(
      kernel,
      object,
      'allocate_loglevel_state: space to store console_loglevel already allocated',
    );
    return;
  }
  if (!own) throw new KernelError('EINVAL', 'the patch has no such state');
  own.data = 0;
  say(kernel, object, 'allocate_loglevel_state: allocating space to store console_loglevel');
}

function fixConsoleLoglevel({ kernel, object, own, older }: Change): void {
  if (!own) return;
  if (older) {
    say(kernel, object, 'fix_console_loglevel: taking over the console_loglevel change');
    own.data = older.data;
    return;
  }
  say(kernel, object, 'fix_console_loglevel: fixing console_loglevel');
  own.data = kernel.log.console.consoleLoglevel;
  kernel.log.console.consoleLoglevel = MOTORMOUTH;
}

function restoreConsoleLoglevel({ kernel, object, own, older }: Change): void {
  if (older) {
    const words = 'passing the console_loglevel change back to the old livepatch';
    say(kernel, object, `restore_console_loglevel: ${words}`);
    return;
  }
  if (!own) return;
  say(kernel, object, 'restore_console_loglevel: restoring console_loglevel');
  kernel.log.console.consoleLoglevel = Number(own.data);
}

function freeLoglevelState({ kernel, object, own, older }: Change): void {
  if (older) {
    say(kernel, object, 'free_loglevel_state: keeping space to store console_loglevel');
    return;
  }
  if (!own) return;
  say(kernel, object, 'free_loglevel_state: freeing space for the stored console_loglevel');
  own.data = undefined;
}

function say(kernel: Kernel, { patch }: PatchObject, text: string): void {
  prInfo(kernel, patch.module, text);
}

export const testKlpState = [
  define({ name: 'test_klp_state', version: 1, olderState: () => undefined }),
  define({ name: 'test_klp_state2', version: 2, olderState }),
  define({ name: 'test_klp_state3', version: 2, olderState }),
];

function olderState(kernel: Kernel): SystemState | undefined {
  return getPrevState(kernel, ID);
}
