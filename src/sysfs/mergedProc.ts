/**
 * What `klpfs run` shows at /proc: the machine's, and around it the host's own.
 *
 * Names that only the host has are symlinks into its procfs, which is mounted on `.host` in here; so
 * `self` is resolved by the host's kernel, which knows who asks. Of the host's processes those are
 * listed that belong to commands on the machine; others are found, but not listed, as threads are.
 */
import { S_IFDIR, S_IFLNK, S_IRWXUGO } from '../abi/mode.ts';
import { pidOf, tgidOf } from '../engine/sched/task.ts';
import { fixedDirectory } from './directory.ts';
import { HOST_MOUNT } from './host.ts';
import { createNode, ONE_LINK, type Tree } from './inode.ts';
import { mergedProcess, mergedProcessEntry } from './mergedProcess.ts';
import type { Directory, Entry, Node, Symlink } from './node.ts';
import { pidNamed } from './procTask.ts';

export function mergedProc(tree: Tree, machine: Directory): Directory {
  const { host } = tree;
  const files = mergedDirectory(tree, machine, '');
  const fixed: ReadonlyMap<string, Node> = new Map<string, Node>([
    [HOST_MOUNT, fixedDirectory(tree, 0o555, {})],
    ['self', ownLink(tree, 'self', (tgid) => String(tgid))],
    ['thread-self', ownLink(tree, 'thread-self', (tgid, pid) => `${tgid}/task/${pid}`)],
  ]);
  return {
    ...files,
    lookup: (name) => {
      const pid = pidNamed(name);
      if (pid === undefined) return fixed.get(name) ?? files.lookup(name);
      return mergedProcess(tree, machine.lookup(name), pid);
    },
    *list() {
      const listed = new Set<string>();
      for (const entry of files.list()) {
        const [name, node] = entry;
        const pid = pidNamed(name);
        listed.add(name);
        yield pid === undefined ? entry : mergedProcessEntry(tree, pid, node);
      }
      for (const pid of host.processes()) {
        if (!listed.has(String(pid))) yield mergedProcessEntry(tree, pid, undefined);
      }
      for (const entry of fixed) if (entry[0] !== HOST_MOUNT && host.has(entry[0])) yield entry;
    },
  };
}

/** For a process that the machine has adopted it leads to the machine's. Source: fs/proc/self.c. */
function ownLink(tree: Tree, name: string, place: (tgid: number, pid: number) => string): Symlink {
  const { tasks } = tree.kernel;
  return {
    ...hostLink(tree, name),
    targetFor: (caller) => {
      const task = tree.host.taskOf(caller);
      return task === undefined ? undefined : place(tgidOf(tasks, task), pidOf(tasks, task));
    },
  };
}

/**
 * The machine's directory with what the host has beside it; `path` is that of both in /proc. Nodes
 * are made when they are first seen, and stay.
 */
function mergedDirectory(tree: Tree, machine: Directory, path: string): Directory {
  const { host } = tree;
  const below = (name: string) => (path === '' ? name : `${path}/${name}`);
  const directories = new Map<Node, Directory>();
  const links = new Map<string, Symlink>();
  const link = (name: string) => {
    const known = links.get(name) ?? hostLink(tree, below(name));
    links.set(name, known);
    return known;
  };
  // The machine tells of names that come and go in its own directory alone.
  const merge = (name: string, node: Node): Node => {
    if (node.kind !== 'directory' || !host.has(below(name))) return { ...node, revalidated: true };
    const known = directories.get(node) ?? mergedDirectory(tree, node, below(name));
    directories.set(node, known);
    return known;
  };
  const lookup = (name: string): Node | undefined => {
    const node = machine.lookup(name);
    if (node) return merge(name, node);
    return host.has(below(name)) ? link(name) : undefined;
  };
  return {
    kind: 'directory',
    revalidated: true,
    ...createNode(tree, S_IFDIR | 0o555, { nlink: () => machine.attributes().nlink }),
    lookup,
    *list(): Generator<Entry> {
      const listed = new Set<string>();
      for (const entry of machine.list()) {
        const [name, { kind }] = entry;
        listed.add(name);
        const isMerged = kind === 'directory' && pidNamed(name) === undefined;
        yield [name, (isMerged && lookup(name)) || entry[1]];
      }
      for (const name of host.list(path)) {
        if (!listed.has(name) && pidNamed(name) === undefined) yield [name, link(name)];
      }
    },
  };
}

function hostLink(tree: Tree, path: string): Symlink {
  const target = `${'../'.repeat(path.split('/').length - 1)}${HOST_MOUNT}/${path}`;
  return {
    kind: 'symlink',
    revalidated: true,
    ...createNode(tree, S_IFLNK | S_IRWXUGO, { nlink: ONE_LINK }),
    target,
  };
}
