/** What the livepatch samples of one era have in common. */

import type { ModuleDefinition } from './api.ts';
import { between, defineLivepatch, type LivepatchSource, prNotice, since } from './api.ts';

/**
 * Up to 4.15 a sample asks whether the consistency model works here, and does without if not; later
 * ones leave that to the kernel, and some do other things as well.
 *
 * Source: samples/livepatch/*.c of 4.15 and of 6.1.
 */
export function defineSample(
  source: LivepatchSource,
  later: LivepatchSource = source,
): readonly ModuleDefinition[] {
  return [
    {
      ...defineLivepatch(source),
      releases: between('4.12', '4.16'),
      adjustPatch: bypassWithoutReliableStacks,
    },
    { ...defineLivepatch(later), releases: since('4.16') },
  ];
}

const bypassWithoutReliableStacks: NonNullable<ModuleDefinition['adjustPatch']> = (
  kernel,
  module,
  patch,
) => {
  if (kernel.config.reliableStacktrace || patch.immediate) return patch;
  prNotice(
    kernel,
    module,
    "The consistency model isn't supported for your architecture.  Bypassing safety mechanisms and applying the patch immediately.",
  );
  return { ...patch, immediate: true };
};
