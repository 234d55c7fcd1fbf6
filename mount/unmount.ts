/** Takes mounts away, for the one who serves them as for anybody else. */

import { runFusermount } from './fusermount.ts';
import { describeHolders, findHolders } from './holders.ts';
import { MountError } from './mountError.ts';
import { findMount } from './mountInfo.ts';

/** `lazy` hides the mount at once and ends it when nobody uses it any more, as MNT_DETACH does. */
export type UnmountManner = 'plain' | 'lazy';

/**
 * Unmounts a directory, given by its real path. Fails with `busy`, and who holds it, when it is in
 * use. Source: umount(2), EBUSY.
 */
export async function unmountDirectory(directory: string, manner: UnmountManner): Promise<void> {
  if (!(await findMount(directory))) {
    throw new MountError('not-mounted', `nothing is mounted on ${directory}`);
  }
  const { status, errors } = await runFusermount([
    manner === 'lazy' ? '-uz' : '-u',
    '--',
    directory,
  ]);
  if (status === 0) return;
  if (/busy/.test(errors)) throw await busy(directory);
  throw new MountError('refused', `${directory} could not be unmounted: ${errors.trim()}`);
}

async function busy(directory: string): Promise<MountError> {
  const holders = await findHolders(directory);
  const who = holders.length > 0 ? describeHolders(holders) : 'by whom, we may not see';
  return new MountError('busy', `${directory} is busy: ${who}`);
}
