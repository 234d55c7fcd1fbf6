/** What the livepatch samples of one era have in common. */

import type { ModuleDefinition } from './api.ts';
import { between, defineLivepatch, type LivepatchSource, prNotice, since } from './api.ts';

/**
 * Up to 4.15 a sample asks whether the consistency model works here, and does without if not; later
 * ones leave that to the kernel.
 *
 * Source: samples/livepatch/*.c of 4.15 and of 4.16.
 */
export function defineSample(source: LivepatchSource): readonly ModuleDefinition[] {
  const sample = defineLivepatch(source);
  return [
    { ...sample, releases: between('4.12', '4.16'), adjustPatch: bypassWithoutReliableStacks },
    { ...sample, releases: since('4.16') },
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
