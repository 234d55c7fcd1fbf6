/** What all nodes have in common. Source: fs/kernfs/inode.c. */
import { S_IALLUGO } from '../abi/mode.ts';
import { wallTimeMs } from '../engine/clock.ts';
import type { Kernel } from '../engine/kernel.ts';
import type { AttributeChange, Attributes } from './node.ts';

/** The part of a node that chmod, chown and utimes change; it lives as long as the node. */
export interface Inode {
  readonly ino: number;
  mode: number;
  uid: number;
  gid: number;
  atimeMs: number;
  mtimeMs: number;
  ctimeMs: number;
  readonly xattrs: Map<string, Uint8Array>;
}

/** Everything that nodes are made with: the machine, and the next inode number. */
export interface Tree {
  readonly kernel: Kernel;
  nextIno: number;
  /** See nameHash.ts. */
  readonly nameHashes: Map<string, number>;
}

export function createTree(kernel: Kernel): Tree {
  return { kernel, nextIno: 1, nameHashes: new Map() };
}

/** A node whose times are those of its first look-up, as in sysfs. */
export function createInode(tree: Tree, mode: number): Inode {
  const ino = tree.nextIno;
  tree.nextIno += 1;
  return inodeNumbered(tree, ino, mode);
}

export function inodeNumbered({ kernel }: Tree, ino: number, mode: number): Inode {
  const now = wallTimeMs(kernel.clock);
  return {
    ino,
    mode,
    uid: 0,
    gid: 0,
    atimeMs: now,
    mtimeMs: now,
    ctimeMs: now,
    xattrs: new Map(),
  };
}

export function attributesOf(inode: Inode, sizeBytes: number, nlink: number): Attributes {
  const { ino, mode, uid, gid, atimeMs, mtimeMs, ctimeMs } = inode;
  return { ino, mode, nlink, uid, gid, sizeBytes, atimeMs, mtimeMs, ctimeMs };
}

/** A size is accepted and ignored, except that it moves the times. */
export function changeInode({ kernel }: Tree, inode: Inode, change: AttributeChange): void {
  const now = wallTimeMs(kernel.clock);
  if (change.mode !== undefined) {
    inode.mode = (inode.mode & ~S_IALLUGO) | (change.mode & S_IALLUGO);
  }
  inode.uid = change.uid ?? inode.uid;
  inode.gid = change.gid ?? inode.gid;
  inode.atimeMs = change.atimeMs ?? inode.atimeMs;
  inode.mtimeMs = change.mtimeMs ?? (change.sizeBytes === undefined ? inode.mtimeMs : now);
  inode.ctimeMs = now;
}
