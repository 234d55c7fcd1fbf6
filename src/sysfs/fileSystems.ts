/** The kinds of file systems that the tree is made of. */
import { compare, type Release } from '../abi/release.ts';
import type { FileSystemType } from './node.ts';

/**
 * Since 5.7 kernfs has a handler for user.*, which sysfs does not enable: setting stays refused,
 * getting finds nothing.
 *
 * Source: fs/kernfs/inode.c:kernfs_xattr_handlers[].
 */
export function sysfsOf(release: Release): FileSystemType {
  return {
    name: 'sysfs',
    namesAreFixed: false,
    keepsXattrs: true,
    userXattr: compare(release, '5.7') < 0 ? 'EOPNOTSUPP' : 'ENODATA',
  };
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
