/** What all nodes have in common. Source: fs/kernfs/inode.c. */
import { S_IALLUGO } from '../abi/mode.ts';
import { wallTimeMs } from '../engine/clock.ts';
import type { Kernel } from '../engine/kernel.ts';
import { type Host, NO_HOST } from './host.ts';
import type { AttributeChange, Attributes, FileSystemType, Node, TreeListener } from './node.ts';

/** Everything that nodes are made with: the machine, the file system, the next inode number. */
export interface Tree {
  readonly kernel: Kernel;
  readonly fileSystem: FileSystemType;
  /** Who owns what nobody has given away: root, or whoever runs the machine. */
  readonly owner: Owner;
  readonly host: Host;
  readonly inos: { next: number };
  /** See engine/nameHash.ts. */
  readonly nameHashes: Map<string, number>;
  /** Who is told of what changes without having been asked for. */
  readonly listeners: TreeListener[];
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export const ROOT: Owner = { uid: 0, gid: 0 };

/** Around a machine: whoever runs it, and where. */
export interface Surroundings {
  readonly owner: Owner;
  readonly host: Host;
}

export function createTree(
  kernel: Kernel,
  fileSystem: FileSystemType,
  surroundings: Surroundings = { owner: ROOT, host: NO_HOST },
): Tree {
  return {
    kernel,
    fileSystem,
    ...surroundings,
    inos: { next: 1 },
    nameHashes: new Map(),
    listeners: [],
  };
}

/** The part of a node that chmod, chown and utimes change; it lives as long as the node. */
interface Inode {
  readonly ino: number;
  mode: number;
  uid: number;
  gid: number;
  atimeMs: number;
  mtimeMs: number;
  ctimeMs: number;
}

/** What stat shows beyond what can be changed. */
interface Measures {
  readonly sizeBytes?: () => number;
  readonly nlink: () => number;
}

export type NodeBase = Pick<
  Node,
  'ino' | 'fileSystem' | 'xattrs' | 'attributes' | 'change' | 'accessed'
>;

/** The common part of a node with the next inode number. */
export function createNode(tree: Tree, mode: number, measures: Measures): NodeBase {
  const ino = tree.inos.next;
  tree.inos.next += 1;
  return createNumberedNode(tree, ino, mode, measures);
}

/** Its times are those of the first look at it, as in sysfs. */
export function createNumberedNode(
  tree: Tree,
  ino: number,
  mode: number,
  { sizeBytes = EMPTY, nlink }: Measures,
): NodeBase {
  let instantiated: Inode | undefined;
  const inode = (): Inode => {
    instantiated ??= instantiate(tree, ino, mode);
    return instantiated;
  };
  return {
    ino,
    fileSystem: tree.fileSystem,
    xattrs: new Map(),
    // Field by field: every request asks, and a spread takes ten times as long.
    attributes: (): Attributes => {
      const { mode, uid, gid, atimeMs, mtimeMs, ctimeMs } = inode();
      return {
        ino,
        mode,
        nlink: nlink(),
        uid,
        gid,
        sizeBytes: sizeBytes(),
        atimeMs,
        mtimeMs,
        ctimeMs,
      };
    },
    change: (change) => changeInode(tree, inode(), change),
    accessed: () => touchAtime(inode(), wallTimeMs(tree.kernel.clock)),
  };
}

/** For files. */
export const ONE_LINK = () => 1;
const EMPTY = () => 0;

function instantiate({ kernel, owner }: Tree, ino: number, mode: number): Inode {
  const now = wallTimeMs(kernel.clock);
  return { ino, mode, ...owner, atimeMs: now, mtimeMs: now, ctimeMs: now };
}

const DAY_MS = 24 * 3600 * 1000;

/** Moves atime unless that is later than all else, and not a day old. Source: relatime_need_update(). */
function touchAtime(inode: Inode, now: number): void {
  const { atimeMs, mtimeMs, ctimeMs } = inode;
  if (atimeMs <= mtimeMs || atimeMs <= ctimeMs || now - atimeMs >= DAY_MS) inode.atimeMs = now;
}

/** A size is accepted and ignored, except that it moves the times. */
function changeInode({ kernel }: Tree, inode: Inode, change: AttributeChange): void {
  const now = wallTimeMs(kernel.clock);
  if (change.mode !== undefined) {
    inode.mode = (inode.mode & ~S_IALLUGO) | (change.mode & S_IALLUGO);
  }
  inode.uid = change.uid ?? inode.uid;
  inode.gid = change.gid ?? inode.gid;
  const time = (given: number | 'now') => (given === 'now' ? now : given);
  inode.atimeMs = time(change.atimeMs ?? inode.atimeMs);
  inode.mtimeMs = time(change.mtimeMs ?? (change.sizeBytes === undefined ? inode.mtimeMs : 'now'));
  inode.ctimeMs = now;
}
