/**
 * Directories of kernel objects: their files from tables, their subdirectories and links from the
 * engine.
 */
import { assert } from '../abi/errno.ts';
import { S_IFDIR, S_IFLNK, S_IRWXUGO } from '../abi/mode.ts';
import { isIn, since } from '../abi/release.ts';
import type {
  KobjectDirectory,
  KobjectFiles,
  KobjectLink,
  KobjectOwner,
} from '../engine/kobject.ts';
import { sortByHash } from '../engine/nameHash.ts';
import { type AttributeTable, ro } from './attribute.ts';
import { createNode, ONE_LINK, type Tree } from './inode.ts';
import { objectAttributes, patchAttributes } from './livepatch.ts';
import {
  moduleAttributes,
  noteAttributes,
  parameterAttributes,
  sectionAttributes,
} from './module.ts';
import type { Directory, File, Node, Symlink } from './node.ts';
import { announceChanges } from './notices.ts';
import { sysfsFile } from './sysfsFile.ts';

/** The node of a kernel object's directory. Each object has one, made when it is first asked for. */
export function kobjectDirectory(tree: Tree, kobject: KobjectDirectory): Directory {
  const files = onDemand(() => filesOf(tree, kobject));
  const subdirectory = oncePerKey((child: KobjectDirectory) => kobjectDirectory(tree, child));
  const symlink = oncePerKey(({ target }: KobjectLink) => createSymlink(tree, target));

  const lookup = (name: string): Node | undefined => {
    const child = kobject.children.get(name);
    if (child) return subdirectory(child);
    const link = kobject.links.get(name);
    return link ? symlink(link) : files().get(name);
  };
  const node = createNode(tree, S_IFDIR | 0o755, { nlink: () => 2 + kobject.children.size });
  announceChanges(tree, node.ino, kobject, () => files().keys());
  return {
    kind: 'directory',
    ...node,
    lookup: (name) => (kobject.live ? lookup(name) : undefined),
    *list() {
      if (!kobject.live) return;
      const { children, links } = kobject;
      const names = [...children.keys(), ...links.keys(), ...files().keys()];
      for (const name of sortByHash(names, tree.nameHashes)) {
        const listed = lookup(name);
        assert(listed, `${name} is listed and there`);
        yield [name, listed];
      }
    },
  };
}

/** The same node for the same thing. */
function oncePerKey<Key extends object, T>(make: (key: Key) => T): (key: Key) => T {
  const made = new WeakMap<Key, T>();
  return (key) => {
    const known = made.get(key) ?? make(key);
    made.set(key, known);
    return known;
  };
}

/** Who lists ten thousand functions looks into few of them. */
function onDemand<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Which table is for whom. Source: the default attributes of each kobj_type. */
function filesOf(tree: Tree, kobject: KobjectDirectory): ReadonlyMap<string, File> {
  const { owner } = kobject;
  switch (owner.kind) {
    case 'patch':
      return filesFrom(tree, kobject, patchAttributes, owner.patch);
    case 'object':
      return filesFrom(tree, kobject, objectAttributes, owner.object);
    case 'module':
      return filesFrom(tree, kobject, moduleAttributes, owner.module);
    case 'notes':
      return filesFrom(tree, kobject, noteAttributes, owner.module);
    case 'sections':
      return filesFrom(tree, kobject, sectionAttributes, owner.module);
    case 'parameters':
      return filesFrom(tree, kobject, parameterAttributes(owner.module), owner.module);
    case 'files':
      return filesFrom(tree, kobject, shownAttributes(owner.files), owner);
    case 'livepatch':
    case 'modules':
    case 'kernel':
    case 'func':
    case 'holders':
      return new Map();
    default:
      return unknownOwner(owner);
  }
}

function createSymlink(tree: Tree, target: string): Symlink {
  const node = createNode(tree, S_IFLNK | S_IRWXUGO, { nlink: ONE_LINK });
  return { kind: 'symlink', ...node, target };
}

/** Source: __ATTR_RO() in a module. */
function shownAttributes(files: KobjectFiles): AttributeTable<unknown> {
  return Object.fromEntries(
    Object.entries(files).map(([name, show]) => [
      name,
      ro(since('4.0'), (_owner, kernel) => show(kernel)),
    ]),
  );
}

function filesFrom<Owner>(
  tree: Tree,
  kobject: KobjectDirectory,
  table: AttributeTable<Owner>,
  owner: Owner,
): ReadonlyMap<string, File> {
  const { release } = tree.kernel.config;
  return new Map(
    Object.entries(table)
      .filter(([, { releases }]) => isIn(release, releases))
      .map(([name, attribute]) => [name, sysfsFile(tree, kobject, attribute, owner)]),
  );
}

function unknownOwner(owner: never): never {
  throw new Error(`klpfs bug: no table for ${(owner as KobjectOwner).kind}`);
}
