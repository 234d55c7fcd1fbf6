/** What a module has to be built for. Source: include/linux/vermagic.h. */
import { isIn, type ReleaseSpan, since } from '../../abi/release.ts';
import type { Kernel } from '../kernel.ts';

/**
 * As distributions configure their kernels; the last row whose span holds a release is its own.
 * PREEMPT_DYNAMIC came with 5.12.
 */
export const VERMAGIC_OPTIONS: readonly {
  readonly releases: ReleaseSpan;
  readonly text: string;
}[] = [
  { releases: since('4.0'), text: 'SMP mod_unload modversions ' },
  { releases: since('5.12'), text: 'SMP preempt mod_unload modversions ' },
];

export function vermagicOf({ config }: Kernel): string {
  const built = VERMAGIC_OPTIONS.findLast(({ releases }) => isIn(config.release, releases));
  return `${config.version} ${built?.text ?? ''}`;
}
