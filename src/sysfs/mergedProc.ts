/**
 * What `klpfs run` shows at /proc: the machine's, and around it the host's own.
 *
 * Names that only the host has are symlinks into its procfs, which is mounted on `.host` in here; so
 * `self` is resolved by the host's kernel, which knows who asks. Of the host's processes those are
 * listed that belong to commands on the machine; others are found, but not listed, as threads are.
 */
import { HOST_MOUNT } from '../abi/mergedProc.ts';
import { S_IFDIR, S_IFLNK, S_IRWXUGO } from '../abi/mode.ts';
import { pidOf, tgidOf } from '../engine/sched/task.ts';
import { fixedDirectory } from './directory.ts';
import { createNode, ONE_LINK, type Tree } from './inode.ts';
import { mergedProcess, mergedProcessEntry } from './mergedProcess.ts';
import type { Directory, Entry, Node, Symlink } from './node.ts';
import { pidNamed } from './procTask.ts';

export function mergedProc(tree: Tree, machine: Directory): Directory {
  const { host } = tree;
  const fixed: ReadonlyMap<string, Node> = new Map<string, Node>([
    [HOST_MOUNT, fixedDirectory(tree, 0o555, {})],
    ['self', ownLink(tree, 'self', (tgid) => String(tgid))],
    ['thread-self', ownLink(tree, 'thread-self', (tgid, pid) => `${tgid}/task/${pid}`)],
  ]);
  const links = new Map<string, Symlink>();
  const link = (name: string) => {
    const known = links.get(name) ?? hostLink(tree, name);
    links.set(name, known);
    return known;
  };
  const findFile = (name: string): Node | undefined => {
    const node = fixed.get(name) ?? machine.lookup(name);
    // The machine tells of names that come and go in its own directory alone.
    if (node) return { ...node, revalidated: true };
    return host.has(name) ? link(name) : undefined;
  };

  return {
    kind: 'directory',
    revalidated: true,
    ...createNode(tree, S_IFDIR | 0o555, { nlink: () => machine.attributes().nlink }),
    lookup: (name) => {
      const pid = pidNamed(name);
      return pid === undefined ? findFile(name) : mergedProcess(tree, machine.lookup(name), pid);
    },
    *list(): Generator<Entry> {
      const machines = new Set<string>();
      for (const [name, node] of machine.list()) {
        const pid = pidNamed(name);
        machines.add(name);
        if (pid === undefined) yield [name, { ino: node.ino, kind: node.kind, revalidated: true }];
        else yield mergedProcessEntry(tree, pid, node);
      }
      for (const pid of host.processes()) {
        if (!machines.has(String(pid))) yield mergedProcessEntry(tree, pid, undefined);
      }
      for (const name of host.list('')) {
        const isListed = machines.has(name) || pidNamed(name) !== undefined;
        if (!isListed) yield [name, fixed.get(name) ?? link(name)];
      }
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

function hostLink(tree: Tree, name: string): Symlink {
  return {
    kind: 'symlink',
    revalidated: true,
    ...createNode(tree, S_IFLNK | S_IRWXUGO, { nlink: ONE_LINK }),
    target: `${HOST_MOUNT}/${name}`,
  };
}
