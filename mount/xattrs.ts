/**
 * Extended attributes: kept in the node, as kernfs keeps them.
 *
 * Source: fs/kernfs/inode.c, kernfs_xattr_handlers[]: trusted.* and security.* only.
 */
import { KernelError } from '../src/abi/errno.ts';
import type { Node } from '../src/sysfs/node.ts';

const KEPT_PREFIXES = ['trusted.', 'security.'];
const USER_PREFIX = 'user.';

/** setxattr(2) flags. Source: include/uapi/linux/xattr.h. */
const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;

/** Sets a value. EEXIST or ENODATA when XATTR_CREATE or XATTR_REPLACE forbid it. */
export function setXattr(node: Node, name: string, value: Uint8Array, flags: number): void {
  requireKept(node, name);
  const exists = node.xattrs.has(name);
  if (exists && flags & XATTR_CREATE) throw new KernelError('EEXIST', `${name} exists`);
  if (!exists && flags & XATTR_REPLACE) throw new KernelError('ENODATA', `${name} is not set`);
  node.xattrs.set(name, Uint8Array.from(value));
}

/** The value of an attribute; ENODATA when it is not set. */
export function getXattr(node: Node, name: string): Uint8Array {
  if (name.startsWith(USER_PREFIX)) throw new KernelError(node.fileSystem.userXattr, name);
  requireKept(node, name);
  const value = node.xattrs.get(name);
  if (!value) throw new KernelError('ENODATA', `${name} is not set`);
  return value;
}

/** All names that are set, sorted. */
export function listXattrs(node: Node): readonly string[] {
  return [...node.xattrs.keys()].sort();
}

/** Removes an attribute; ENODATA when it is not set. */
export function removeXattr(node: Node, name: string): void {
  requireKept(node, name);
  if (!node.xattrs.delete(name)) throw new KernelError('ENODATA', `${name} is not set`);
}

function requireKept({ fileSystem }: Node, name: string): void {
  if (!fileSystem.keepsXattrs || !KEPT_PREFIXES.some((prefix) => name.startsWith(prefix))) {
    throw new KernelError('EOPNOTSUPP', `attributes like ${name} are not supported`);
  }
}
