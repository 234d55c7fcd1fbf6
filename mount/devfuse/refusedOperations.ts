/**
 * What we refuse whole, and for how long the kernel takes it.
 *
 * After ENOSYS the kernel never asks again while the mount lasts. That is right for what nobody
 * needs to tell us, and wrong for anything that a single file refuses.
 *
 * Source: fs/fuse/file.c, dir.c: `fc->no_flush`, `no_fsync`, `no_access` and their like.
 */
import { ERRNO, type ErrnoName } from '../../src/abi/errno.ts';
import { OPCODE } from '../wire/protocol.ts';
import type { Operation } from './served.ts';

// biome-ignore format: the columns are the point
const ROWS: readonly (readonly [opcode: number, errno: ErrnoName, source: string])[] = [
  // The kernel then succeeds without asking.
  [OPCODE.FLUSH,     'ENOSYS',     'fuse_flush()'],
  [OPCODE.FSYNC,     'ENOSYS',     'fuse_fsync(): kernfs has noop_fsync()'],
  [OPCODE.FSYNCDIR,  'ENOSYS',     'fuse_dir_fsync()'],
  [OPCODE.ACCESS,    'ENOSYS',     'fuse_access(): default_permissions'],
  // What sysfs answers.
  [OPCODE.IOCTL,     'ENOTTY',     'vfs_ioctl()'],
  [OPCODE.FALLOCATE, 'EOPNOTSUPP', 'vfs_fallocate(), without f_op->fallocate'],
  [OPCODE.TMPFILE,   'EOPNOTSUPP', 'vfs_tmpfile(), without i_op->tmpfile'],
];

export const REFUSED_OPERATIONS: ReadonlyMap<number, Operation> = new Map(
  ROWS.map(([opcode, errno]) => [
    opcode,
    ({ channel }, { unique }) => channel.fail(unique, -ERRNO[errno].number),
  ]),
);
