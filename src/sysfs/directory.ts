/** Directories whose entries never change: the way down to the places that matter. */
import { S_IFDIR } from '../abi/mode.ts';
import { createNode, type Tree } from './inode.ts';
import type { Directory, Entry, Node } from './node.ts';

/** What a directory without subdirectories has: its name, and its own `.`. */
export const EMPTY_NLINK = 2;

/** A directory with fixed entries, listed in the order given. */
export function fixedDirectory(
  tree: Tree,
  permissions: number,
  entries: Readonly<Record<string, Node>>,
): Directory {
  const children = new Map(Object.entries(entries));
  return listedDirectory(tree, permissions, {
    lookup: (name) => children.get(name),
    list: () => children,
  });
}

/** A directory whose entries are looked up elsewhere. */
export function listedDirectory(
  tree: Tree,
  permissions: number,
  entries: Pick<Directory, 'lookup' | 'list'>,
): Directory {
  const nlink = () => EMPTY_NLINK + countDirectories(entries.list());
  return { kind: 'directory', ...createNode(tree, S_IFDIR | permissions, { nlink }), ...entries };
}

/** Two directories shown as one; the first has the names that both have. */
export function joinDirectories(first: Directory, second: Directory): Directory {
  return {
    ...first,
    attributes: () => {
      const own = first.attributes();
      return { ...own, nlink: own.nlink + second.attributes().nlink - EMPTY_NLINK };
    },
    lookup: (name) => first.lookup(name) ?? second.lookup(name),
    *list() {
      yield* first.list();
      yield* second.list();
    },
  };
}

function countDirectories(entries: Iterable<Entry>): number {
  let count = 0;
  for (const [, node] of entries) if (node.kind === 'directory') count += 1;
  return count;
}
