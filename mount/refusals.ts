/**
 * What clients are told when they try to change the names in a directory: only the kernel does.
 *
 * Source: fs/namei.c (lookup_open(), may_create(), may_delete(), vfs_*()), fs/kernfs/dir.c
 * (kernfs_iop_mkdir(), kernfs_iop_rmdir(), kernfs_iop_rename()). The kernel checks most of this
 * before it asks us; a name may still appear or vanish in between.
 */
import { type ErrnoName, KernelError } from '../src/abi/errno.ts';
import type { Directory } from '../src/sysfs/node.ts';

/** The system calls that add, remove or rename a name. For rename the name is the old one. */
export type NamespaceOperation =
  | 'create'
  | 'mkdir'
  | 'mknod'
  | 'symlink'
  | 'link'
  | 'unlink'
  | 'rmdir'
  | 'rename';

interface Refusal {
  readonly missing: ErrnoName;
  readonly directory: ErrnoName;
  readonly other: ErrnoName;
  readonly source: string;
}

// biome-ignore format: the columns are the point
const REFUSALS: Readonly<Record<NamespaceOperation, Refusal>> = {
  //          if the name is ... missing           a directory            a file or symlink
  create:  { missing: 'EACCES', directory: 'EEXIST', other: 'EEXIST',  source: 'lookup_open(), without i_op->create' },
  mkdir:   { missing: 'EPERM',  directory: 'EEXIST', other: 'EEXIST',  source: 'filename_create(), kernfs_iop_mkdir()' },
  mknod:   { missing: 'EPERM',  directory: 'EEXIST', other: 'EEXIST',  source: 'filename_create(), vfs_mknod()' },
  symlink: { missing: 'EPERM',  directory: 'EEXIST', other: 'EEXIST',  source: 'filename_create(), vfs_symlink()' },
  link:    { missing: 'EPERM',  directory: 'EEXIST', other: 'EEXIST',  source: 'filename_create(), vfs_link()' },
  unlink:  { missing: 'ENOENT', directory: 'EISDIR', other: 'EPERM',   source: 'may_delete(), vfs_unlink()' },
  rmdir:   { missing: 'ENOENT', directory: 'EPERM',  other: 'ENOTDIR', source: 'may_delete(), kernfs_iop_rmdir()' },
  rename:  { missing: 'ENOENT', directory: 'EPERM',  other: 'EPERM',   source: 'vfs_rename(), kernfs_iop_rename()' },
};

/** Throws the errno that Linux gives for this operation on this name of a directory. */
export function refuse(operation: NamespaceOperation, directory: Directory, name: string): never {
  const node = directory.lookup(name);
  const refusal = REFUSALS[operation];
  if (!node) {
    const code = directory.fileSystem.namesAreFixed ? 'ENOENT' : refusal.missing;
    throw new KernelError(code, `${operation} of a name that is not there`);
  }
  const code = node.kind === 'directory' ? refusal.directory : refusal.other;
  throw new KernelError(code, `${operation} of a ${node.kind}`);
}
