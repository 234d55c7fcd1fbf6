/** How it is known that klpfs is like a release. */
import type { Release } from '../abi/release.ts';

/** The kernels whose answers are in test/recordings; without one there are only the sources. */
const RECORDED_KERNELS: Readonly<Record<Release, string | undefined>> = {
  '4.15': undefined,
  '6.1': 'Debian 6.1.192',
  '6.12': 'Debian 6.12.117',
  '6.14': undefined,
};

/** Undefined if no kernel of this release was asked. */
export function recordedKernelOf(release: Release): string | undefined {
  return RECORDED_KERNELS[release];
}
