/** Callbacks that tell in the kernel log what they are called for. */
import {
  type Callbacks,
  type Kernel,
  type Module,
  type PatchObject,
  parameterOf,
  prInfo,
  STATE_TEXT,
} from './api.ts';

/** pre_patch returns the parameter, if one is named. */
export function tellingCallbacks(prePatchResult?: string): Callbacks {
  const telling = (name: string) => (kernel: Kernel, object: PatchObject) =>
    prInfo(kernel, object.patch.module, `${name}: ${describe(object.module)}`);
  const prePatch = telling('pre_patch_callback');
  return {
    prePatch(kernel, object) {
      prePatch(kernel, object);
      const { module } = object.patch;
      return prePatchResult === undefined ? 0 : Number(parameterOf(module, prePatchResult));
    },
    postPatch: telling('post_patch_callback'),
    preUnpatch: telling('pre_unpatch_callback'),
    postUnpatch: telling('post_unpatch_callback'),
  };
}

function describe(module: Module | undefined): string {
  return module ? `${module.name} -> ${STATE_TEXT[module.state]}` : 'vmlinux';
}
