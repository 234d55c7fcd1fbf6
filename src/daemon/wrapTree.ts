/** A tree whose nodes are something in front of the nodes of another. */
import type { Directory, Node } from '../sysfs/node.ts';

/** Puts something in front of a node; the path is that from the root, without a slash before it. */
export type Wrap = (node: Node, path: string) => Node;

/** The same tree, each node wrapped when it is looked up. The root is not. */
export function wrapTree(root: Directory, wrap: Wrap): Directory {
  return wrapDirectory(root, '', wrap);
}

function wrapDirectory(directory: Directory, path: string, wrap: Wrap): Directory {
  const below = (name: string) => (path === '' ? name : `${path}/${name}`);
  return {
    ...directory,
    lookup: (name) => {
      const node = directory.lookup(name);
      if (!node) return undefined;
      const wrapped = wrap(node, below(name));
      return wrapped.kind === 'directory' ? wrapDirectory(wrapped, below(name), wrap) : wrapped;
    },
  };
}
