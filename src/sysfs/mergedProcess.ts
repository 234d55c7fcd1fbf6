/**
 * A process in the merged /proc: one of the machine's own, one of the host's, or one that is both.
 *
 * Of an adopted process the machine shows what it alone knows; for the rest, such as `fd`, `exe` or
 * `status`, the kernel that runs it knows more.
 */
import { HOST_MOUNT } from '../abi/mergedProc.ts';
import { S_IFDIR, S_IFLNK, S_IRWXUGO } from '../abi/mode.ts';
import { findAdopted } from '../engine/sched/adopt.ts';
import { EMPTY_NLINK } from './directory.ts';
import { createNumberedNode, ONE_LINK, type Tree } from './inode.ts';
import type { Directory, Entry, Node, Symlink } from './node.ts';
import { pidNamed } from './procTask.ts';

/** What the machine shows of an adopted process, and of its threads. */
const MACHINES: readonly string[] = ['comm', 'wchan', 'stack', 'patch_state'];

/** Inode numbers: above those of the machine's processes, a block for each pid. */
const FIRST_INO = 0x2000_0000;
const INOS_PER_PID = 256;
const PROCESS_LINK = 0;
const THREAD_LINK = 1;
const PROCESS = 2;
const THREADS = 3;
const THREAD = 4;
const PROCESS_FILES = 8;
const THREAD_FILES = 128;

/** `node`: what the machine has under this pid. */
export function mergedProcess(tree: Tree, node: Node | undefined, pid: number): Node | undefined {
  if (node?.kind !== 'directory') {
    return tree.host.has(String(pid)) ? hostLink(tree, pid, PROCESS_LINK, `${pid}`) : undefined;
  }
  return isAdopted(tree, pid) ? processDirectory(tree, node, pid) : node;
}

/** How the merged /proc lists what `mergedProcess` finds. */
export function mergedProcessEntry(tree: Tree, pid: number, node: Entry[1] | undefined): Entry {
  const name = String(pid);
  if (node === undefined)
    return [name, { ino: inoOf(pid, PROCESS_LINK), kind: 'symlink', revalidated: true }];
  if (!isAdopted(tree, pid)) return [name, node];
  return [name, { ino: inoOf(pid, PROCESS), kind: 'directory', revalidated: true }];
}

function isAdopted({ kernel }: Tree, pid: number): boolean {
  return findAdopted(kernel, pid) !== undefined;
}

function processDirectory(tree: Tree, machine: Directory, pid: number): Directory {
  const path = String(pid);
  return mergedDirectory(tree, machine, {
    pid,
    index: PROCESS,
    names: () => tree.host.list(path),
    pick: (name) => {
      const node = machine.lookup(name);
      return name === 'task' && node?.kind === 'directory'
        ? threadsDirectory(tree, node, pid)
        : node;
    },
    machines: () => [...MACHINES, 'task'],
    link: (name, index) => fileLink(tree, pid, PROCESS_FILES + index, `${path}/${name}`),
  });
}

function threadsDirectory(tree: Tree, machine: Directory, pid: number): Directory {
  const path = `${pid}/task`;
  return mergedDirectory(tree, machine, {
    pid,
    index: THREADS,
    names: () => tree.host.list(path),
    pick: (name) => {
      const tid = pidNamed(name);
      const node = tid === undefined ? undefined : machine.lookup(name);
      if (tid === undefined || node?.kind !== 'directory') return undefined;
      return threadDirectory(tree, node, tid, `${path}/${name}`);
    },
    machines: () => [...machine.list()].map(([name]) => name),
    link: (name) => hostLink(tree, pidNamed(name) ?? pid, THREAD_LINK, `${path}/${name}`),
  });
}

function threadDirectory(tree: Tree, machine: Directory, tid: number, path: string): Directory {
  return mergedDirectory(tree, machine, {
    pid: tid,
    index: THREAD,
    names: () => tree.host.list(path),
    pick: (name) => machine.lookup(name),
    machines: () => MACHINES,
    link: (name, index) => fileLink(tree, tid, THREAD_FILES + index, `${path}/${name}`),
  });
}

interface Merged {
  readonly pid: number;
  readonly index: number;
  /** Of the host. */
  readonly names: () => readonly string[];
  /** Which the machine shows instead, or beside them, and how. */
  readonly machines: () => readonly string[];
  readonly pick: (name: string) => Node | undefined;
  readonly link: (name: string, index: number) => Symlink;
}

function mergedDirectory(
  tree: Tree,
  machine: Directory,
  { pid, index, names, machines, pick, link }: Merged,
): Directory {
  const lookup = (name: string): Node | undefined => {
    if (machines().includes(name)) return pick(name);
    const position = names().indexOf(name);
    return position < 0 ? undefined : link(name, position);
  };
  const nlink = () => Math.max(EMPTY_NLINK, machine.attributes().nlink);
  return {
    kind: 'directory',
    revalidated: true,
    ...createNumberedNode(tree, inoOf(pid, index), S_IFDIR | 0o555, { nlink }),
    lookup,
    *list() {
      for (const name of new Set([...machines(), ...names()])) {
        const node = lookup(name);
        if (node) yield [name, node];
      }
    },
  };
}

/**
 * Programs read what `exe` and `cwd` say, rather than follow them: so they say the same here. Where
 * that would lead nowhere, following them is all that is left.
 */
function fileLink(tree: Tree, pid: number, index: number, path: string): Symlink {
  const link = hostLink(tree, pid, index, path);
  if (!/\/(exe|cwd)$/.test(path)) return link;
  const target = tree.host.readlink(path) ?? '';
  return /^\/(?!.* \(deleted\)$)/.test(target) ? { ...link, target } : link;
}

/** `path` is that below the host's /proc, and below this one. */
function hostLink(tree: Tree, pid: number, index: number, path: string): Symlink {
  return {
    kind: 'symlink',
    revalidated: true,
    ...createNumberedNode(tree, inoOf(pid, index), S_IFLNK | S_IRWXUGO, { nlink: ONE_LINK }),
    target: `${'../'.repeat(path.split('/').length - 1)}${HOST_MOUNT}/${path}`,
  };
}

function inoOf(pid: number, index: number): number {
  return FIRST_INO + pid * INOS_PER_PID + index;
}
