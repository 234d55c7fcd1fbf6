/** The kinds of file systems that the tree is made of. */
import { assert } from '../abi/errno.ts';
import { isIn, type Release, type ReleaseSpan, since } from '../abi/release.ts';
import type { FileSystemType } from './node.ts';

interface UserXattr {
  readonly releases: ReleaseSpan;
  readonly errno: FileSystemType['userXattr'];
}

/**
 * What getting user.* of a file in sysfs answers; the last row whose span holds a release is its
 * own. Since 5.7 kernfs has a handler, which sysfs does not enable: setting stays refused, getting
 * finds nothing.
 *
 * Source: fs/kernfs/inode.c:kernfs_xattr_handlers[].
 */
export const USER_XATTRS: readonly UserXattr[] = [
  { releases: since('4.0'), errno: 'EOPNOTSUPP' },
  { releases: since('5.7'), errno: 'ENODATA' },
];

export function sysfsOf(release: Release): FileSystemType {
  const row = USER_XATTRS.findLast(({ releases }) => isIn(release, releases));
  assert(row, 'every release has a row');
  return { name: 'sysfs', namesAreFixed: false, keepsXattrs: true, userXattr: row.errno };
}

/** Source: fs/debugfs/inode.c, fs/libfs.c:simple_lookup(). */
export const DEBUGFS: FileSystemType = {
  name: 'debugfs',
  namesAreFixed: false,
  keepsXattrs: false,
  userXattr: 'EOPNOTSUPP',
};

/** Source: fs/proc/generic.c:proc_lookup(), fs/proc/root.c. */
export const PROCFS: FileSystemType = {
  name: 'procfs',
  namesAreFixed: true,
  keepsXattrs: false,
  userXattr: 'EOPNOTSUPP',
};
