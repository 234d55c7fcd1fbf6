/**
 * Directories of kernel objects: their files from tables, their subdirectories and links from the
 * engine.
 */
import { assert } from '../abi/errno.ts';
import { S_IFDIR, S_IFLNK, S_IRWXUGO } from '../abi/mode.ts';
import { isIn, since } from '../abi/release.ts';
import type { KobjectDirectory, KobjectFiles, KobjectOwner } from '../engine/kobject.ts';
import type { Module } from '../engine/module/model.ts';
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
import { sysfsFile } from './sysfsFile.ts';

/** The node of a kernel object's directory. Each object has one, made when it is first asked for. */
export function kobjectDirectory(tree: Tree, kobject: KobjectDirectory): Directory {
  const files = onDemand(() => contentsOf(tree, kobject));
  const subdirectories = new WeakMap<KobjectDirectory, Directory>();

  const subdirectory = (child: KobjectDirectory): Directory => {
    const known = subdirectories.get(child) ?? kobjectDirectory(tree, child);
    subdirectories.set(child, known);
    return known;
  };
  const lookup = (name: string): Node | undefined => {
    const child = kobject.children.get(name);
    return child ? subdirectory(child) : files().get(name);
  };
  return {
    kind: 'directory',
    ...createNode(tree, S_IFDIR | 0o755, { nlink: () => 2 + kobject.children.size }),
    lookup: (name) => (kobject.live ? lookup(name) : undefined),
    *list() {
      if (!kobject.live) return;
      for (const name of sortByHash(
        [...kobject.children.keys(), ...files().keys()],
        tree.nameHashes,
      )) {
        const node = lookup(name);
        assert(node, `${name} is listed and there`);
        yield [name, node];
      }
    },
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

/** What a directory has beside subdirectories. */
type Contents = Pick<ReadonlyMap<string, File | Symlink>, 'get' | 'keys'>;

/** Which table is for whom. Source: the default attributes of each kobj_type. */
function contentsOf(tree: Tree, kobject: KobjectDirectory): Contents {
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
      return new Map();
    case 'holders':
      return holdersOf(tree, owner.module);
    default:
      return unknownOwner(owner);
  }
}

/** A link to each module that uses this one. Source: kernel/module/sysfs.c:add_usage_links(). */
function holdersOf(tree: Tree, module: Module): Contents {
  const links = new WeakMap<Module, Symlink>();
  const holders = () =>
    module.usedBy.filter(({ kobject }) => kobject !== undefined).map(({ name }) => name);
  return {
    keys: () => holders().values(),
    get(name) {
      const holder = tree.kernel.modules.loaded.get(name);
      if (!holder || !holders().includes(name)) return undefined;
      const link = links.get(holder) ?? symlink(tree, `../../${name}`);
      links.set(holder, link);
      return link;
    },
  };
}

function symlink(tree: Tree, target: string): Symlink {
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
