/** Directories whose entries never change: the way down to the places that matter. */
import { S_IFDIR } from '../abi/mode.ts';
import { createNode, type Tree } from './inode.ts';
import type { Directory, Node } from './node.ts';

/** What a directory without subdirectories has: its name, and its own `.`. */
export const EMPTY_NLINK = 2;

/** A directory with fixed entries, listed in the order given. */
export function fixedDirectory(
  tree: Tree,
  permissions: number,
  entries: Readonly<Record<string, Node>>,
): Directory {
  const children = new Map(Object.entries(entries));
  const directories = Object.values(entries).filter(({ kind }) => kind === 'directory').length;
  return listedDirectory(tree, permissions, {
    lookup: (name) => children.get(name),
    list: () => children,
    directories: () => directories,
  });
}

/** What is in a directory. */
export interface Entries extends Pick<Directory, 'lookup' | 'list'> {
  /** How many of them are directories: a stat asks, which is no reason to list them all. */
  readonly directories: () => number;
}

/** A directory whose entries are looked up elsewhere. */
export function listedDirectory(
  tree: Tree,
  permissions: number,
  { lookup, list, directories }: Entries,
): Directory {
  const nlink = () => EMPTY_NLINK + directories();
  const node = createNode(tree, S_IFDIR | permissions, { nlink });
  return { kind: 'directory', ...node, lookup, list };
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
