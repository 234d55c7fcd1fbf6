/**
 * The FUSE protocol: its numbers and the layout of its messages, as the kernel's header has them.
 *
 * Source: include/uapi/linux/fuse.h, 7.38 (6.2); older kernels send and take the beginning of a
 * struct that has grown.
 */
import { struct } from './struct.ts';

/** What we speak. Source: FUSE_KERNEL_VERSION, FUSE_KERNEL_MINOR_VERSION. */
export const VERSION = { major: 7, minor: 38 } as const;

/** Since then all structs that we send have the size that they have here. Source: 7.23 (3.15). */
export const OLDEST_MINOR = 23;

export const ROOT_ID = 1;

/** Source: enum fuse_opcode. */
export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  TMPFILE: 51,
} as const;

/** Source: enum fuse_notify_code. */
export const NOTIFY = { POLL: 1, INVAL_INODE: 2, INVAL_ENTRY: 3 } as const;

/** Source: INIT request/reply flags. */
export const INIT_FLAG = {
  ATOMIC_O_TRUNC: 1 << 3,
  BIG_WRITES: 1 << 5,
  DO_READDIRPLUS: 1 << 13,
  READDIRPLUS_AUTO: 1 << 14,
  PARALLEL_DIROPS: 1 << 18,
} as const;

/** Source: FOPEN_*. */
export const FOPEN = { DIRECT_IO: 1 << 0, PARALLEL_DIRECT_WRITES: 1 << 6 } as const;

/** Source: FATTR_*. */
export const FATTR = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
} as const;

/** Source: FUSE_POLL_SCHEDULE_NOTIFY. */
export const POLL_SCHEDULE_NOTIFY = 1 << 0;

/** fuse_in_header: before every request. */
export const IN_HEADER = struct({
  len: 'u32',
  opcode: 'u32',
  unique: 'u64',
  nodeid: 'u64',
  uid: 'u32',
  gid: 'u32',
  pid: 'u32',
  total_extlen: 'u16',
  padding: 'u16',
});

/** fuse_out_header: before every answer; with `unique` 0, `error` says what we tell unasked. */
export const OUT_HEADER = struct({ len: 'u32', error: 'i32', unique: 'u64' });

export const INIT_IN = struct({ major: 'u32', minor: 'u32', max_readahead: 'u32', flags: 'u32' });
export const INIT_OUT = struct({
  major: 'u32',
  minor: 'u32',
  max_readahead: 'u32',
  flags: 'u32',
  max_background: 'u16',
  congestion_threshold: 'u16',
  max_write: 'u32',
  time_gran: 'u32',
  max_pages: 'u16',
  map_alignment: 'u16',
  flags2: 'u32',
  unused0: 'u32',
  unused1: 'u64',
  unused2: 'u64',
  unused3: 'u64',
});

const ATTR = {
  ino: 'u64',
  size: 'u64',
  blocks: 'u64',
  atime: 'u64',
  mtime: 'u64',
  ctime: 'u64',
  atimensec: 'u32',
  mtimensec: 'u32',
  ctimensec: 'u32',
  mode: 'u32',
  nlink: 'u32',
  uid: 'u32',
  gid: 'u32',
  rdev: 'u32',
  blksize: 'u32',
  flags: 'u32',
} as const;

export const ENTRY_OUT = struct({
  nodeid: 'u64',
  generation: 'u64',
  entry_valid: 'u64',
  attr_valid: 'u64',
  entry_valid_nsec: 'u32',
  attr_valid_nsec: 'u32',
  ...ATTR,
});
export const ATTR_OUT = struct({
  attr_valid: 'u64',
  attr_valid_nsec: 'u32',
  dummy: 'u32',
  ...ATTR,
});

export const FORGET_IN = struct({ nlookup: 'u64' });
export const BATCH_FORGET_IN = struct({ count: 'u32', dummy: 'u32' });
export const FORGET_ONE = struct({ nodeid: 'u64', nlookup: 'u64' });

export const SETATTR_IN = struct({
  valid: 'u32',
  padding: 'u32',
  fh: 'u64',
  size: 'u64',
  lock_owner: 'u64',
  atime: 'u64',
  mtime: 'u64',
  ctime: 'u64',
  atimensec: 'u32',
  mtimensec: 'u32',
  ctimensec: 'u32',
  mode: 'u32',
  unused4: 'u32',
  uid: 'u32',
  gid: 'u32',
  unused5: 'u32',
});

export const OPEN_IN = struct({ flags: 'u32', open_flags: 'u32' });
export const OPEN_OUT = struct({ fh: 'u64', open_flags: 'u32', padding: 'u32' });
export const RELEASE_IN = struct({ fh: 'u64', flags: 'u32', release_flags: 'u32' });

/** READ, READDIR and READDIRPLUS. */
export const READ_IN = struct({
  fh: 'u64',
  offset: 'u64',
  size: 'u32',
  read_flags: 'u32',
  lock_owner: 'u64',
  flags: 'u32',
  padding: 'u32',
});
export const WRITE_IN = struct({
  fh: 'u64',
  offset: 'u64',
  size: 'u32',
  write_flags: 'u32',
  lock_owner: 'u64',
  flags: 'u32',
  padding: 'u32',
});
export const WRITE_OUT = struct({ size: 'u32', padding: 'u32' });

/** Before a name, which is padded to 8 bytes; in READDIRPLUS behind an ENTRY_OUT. */
export const DIRENT = struct({ ino: 'u64', off: 'u64', namelen: 'u32', type: 'u32' });

export const STATFS_OUT = struct({
  blocks: 'u64',
  bfree: 'u64',
  bavail: 'u64',
  files: 'u64',
  ffree: 'u64',
  bsize: 'u32',
  namelen: 'u32',
  frsize: 'u32',
  padding: 'u32',
  spare0: 'u64',
  spare1: 'u64',
  spare2: 'u64',
});

/** What stands before the names that a request carries. */
export const CREATE_IN = struct({ flags: 'u32', mode: 'u32', umask: 'u32', open_flags: 'u32' });
export const MKNOD_IN = struct({ mode: 'u32', rdev: 'u32', umask: 'u32', padding: 'u32' });
export const MKDIR_IN = struct({ mode: 'u32', umask: 'u32' });
export const LINK_IN = struct({ oldnodeid: 'u64' });
export const RENAME_IN = struct({ newdir: 'u64' });
export const RENAME2_IN = struct({ newdir: 'u64', flags: 'u32', padding: 'u32' });

/** Without FUSE_SETXATTR_EXT. Source: FUSE_COMPAT_SETXATTR_IN_SIZE. */
export const SETXATTR_IN = struct({ size: 'u32', flags: 'u32' });
/** GETXATTR and LISTXATTR. */
export const GETXATTR_IN = struct({ size: 'u32', padding: 'u32' });
export const GETXATTR_OUT = struct({ size: 'u32', padding: 'u32' });

export const INTERRUPT_IN = struct({ unique: 'u64' });
export const POLL_IN = struct({ fh: 'u64', kh: 'u64', flags: 'u32', events: 'u32' });
export const POLL_OUT = struct({ revents: 'u32', padding: 'u32' });

export const NOTIFY_POLL_OUT = struct({ kh: 'u64' });
/** A negative `off`: attributes only. */
export const NOTIFY_INVAL_INODE_OUT = struct({ ino: 'u64', off: 'i64', len: 'i64' });
/** Before a name that ends with a NUL. */
export const NOTIFY_INVAL_ENTRY_OUT = struct({ parent: 'u64', namelen: 'u32', flags: 'u32' });
