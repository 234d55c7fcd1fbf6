/**
 * Kernel objects: what sysfs shows as directories. Names and life times only; which files a
 * directory has is sysfs's matter.
 *
 * Source: lib/kobject.c, fs/kernfs/dir.c.
 */

import { KernelError } from '../abi/errno.ts';
import { isIn, since } from '../abi/release.ts';
import { emit } from './events.ts';
import type { Kernel } from './kernel.ts';
import type { Patch, PatchFunc, PatchObject } from './livepatch/model.ts';
import type { Module } from './module/model.ts';
import type { Context } from './sched/context.ts';
import { createWaitQueue, type WaitQueue, waitOn, wakeAll } from './sched/wait.ts';

/** What a directory stands for; decides which files it has. */
export type KobjectOwner =
  | { readonly kind: 'livepatch' }
  | { readonly kind: 'modules' }
  | { readonly kind: 'kernel' }
  | { readonly kind: 'files'; readonly files: KobjectFiles }
  | { readonly kind: 'patch'; readonly patch: Patch }
  | { readonly kind: 'object'; readonly object: PatchObject }
  | { readonly kind: 'func'; readonly func: PatchFunc }
  | { readonly kind: 'module'; readonly module: Module }
  | { readonly kind: 'holders'; readonly module: Module }
  | { readonly kind: 'notes'; readonly module: Module }
  | { readonly kind: 'sections'; readonly module: Module }
  | { readonly kind: 'parameters'; readonly module: Module };

/** Files that a module shows in a directory of its own. Source: struct kobj_attribute. */
export type KobjectFiles = Readonly<Record<string, (kernel: Kernel) => string>>;

/** A symbolic link. */
export interface KobjectLink {
  readonly target: string;
}

/** Hears what becomes of a directory, once it is so. It may not call back into the kernel. */
export interface KobjectWatcher {
  /** A subdirectory or a link has come. */
  readonly added: (name: string) => void;
  /** A subdirectory or a link has gone. */
  readonly removed: (name: string) => void;
  /** The directory itself was removed, and with it its files. */
  readonly gone: () => void;
}

export interface KobjectDirectory {
  readonly name: string;
  readonly parent: KobjectDirectory | undefined;
  readonly owner: KobjectOwner;
  readonly children: Map<string, KobjectDirectory>;
  readonly links: Map<string, KobjectLink>;
  readonly watchers: KobjectWatcher[];
  /** False once removed: whoever still has it open gets ENODEV. */
  live: boolean;
  /** How many show() and store() run on its files now. */
  activeReferences: number;
  readonly drained: WaitQueue;
}

export function createKobject(name: string, owner: KobjectOwner): KobjectDirectory {
  return newDirectory(undefined, name, owner);
}

/**
 * kobject_init_and_add(). A `/` in the name becomes `!`.
 *
 * @throws KernelError EEXIST, with the warning that Linux logs, if the parent has that name.
 */
export function addKobject(
  kernel: Kernel,
  parent: KobjectDirectory,
  name: string,
  owner: KobjectOwner,
): KobjectDirectory {
  const shown = name.replaceAll('/', '!');
  if (parent.children.has(shown)) {
    warnDuplicate(kernel, parent, shown);
    throw new KernelError('EEXIST', `${pathOf(parent)}/${shown} exists`);
  }
  const directory = newDirectory(parent, shown, owner);
  parent.children.set(shown, directory);
  for (const watcher of parent.watchers) watcher.added(shown);
  return directory;
}

/** sysfs_create_link(). */
export function addLink(directory: KobjectDirectory, name: string, target: string): void {
  directory.links.set(name, { target });
  for (const watcher of directory.watchers) watcher.added(name);
}

/** sysfs_remove_link(). */
export function removeLink(directory: KobjectDirectory, name: string): void {
  if (!directory.links.delete(name)) return;
  for (const watcher of directory.watchers) watcher.removed(name);
}

/**
 * kobject_create_and_add() in kernel_kobj, and its files: a directory in /sys/kernel.
 *
 * @throws KernelError EEXIST if there is one of that name.
 */
export function addKernelDirectory(
  kernel: Kernel,
  name: string,
  files: KobjectFiles,
): KobjectDirectory {
  return addKobject(kernel, kernel.kernelDirectory, name, { kind: 'files', files });
}

/** kobject_put(): the directory goes when nobody is in a show() of its files. */
export function* removeKernelDirectory(kernel: Kernel, directory: KobjectDirectory): Context {
  deleteKobject(directory);
  yield* drainKobject(kernel, directory);
}

/** kobject_del(): the directory and what is left in it disappear at once. */
export function deleteKobject(directory: KobjectDirectory): void {
  const { live, name, parent, children, links, watchers } = directory;
  if (!live) return;
  for (const child of children.values()) deleteKobject(child);
  for (const link of links.keys()) removeLink(directory, link);
  directory.live = false;
  parent?.children.delete(name);
  for (const watcher of watchers) watcher.gone();
  for (const watcher of parent?.watchers ?? []) watcher.removed(name);
}

/** Waits until no show() or store() runs on the files of a removed directory: kernfs_drain(). */
export function* drainKobject(kernel: Kernel, directory: KobjectDirectory): Context {
  while (directory.activeReferences > 0) {
    yield* waitOn(kernel, directory.drained, 'uninterruptible');
  }
}

/** Runs a show() or store() that removal has to wait for: kernfs_get_active(). */
export function* withActiveReference<T>(
  kernel: Kernel,
  directory: KobjectDirectory,
  operation: () => Context<T>,
): Context<T> {
  directory.activeReferences += 1;
  try {
    return yield* operation();
  } finally {
    directory.activeReferences -= 1;
    if (directory.activeReferences === 0) wakeAll(kernel, directory.drained);
  }
}

/** The path below /sys. */
export function pathOf(directory: KobjectDirectory): string {
  const above = directory.parent ? pathOf(directory.parent) : ROOTS[directory.owner.kind];
  return directory.parent ? `${above}/${directory.name}` : (above ?? '');
}

const ROOTS: Partial<Record<KobjectOwner['kind'], string>> = {
  livepatch: '/kernel/livepatch',
  modules: '/module',
  kernel: '/kernel',
};

function newDirectory(
  parent: KobjectDirectory | undefined,
  name: string,
  owner: KobjectOwner,
): KobjectDirectory {
  return {
    name,
    parent,
    owner,
    children: new Map(),
    links: new Map(),
    watchers: [],
    live: true,
    activeReferences: 0,
    drained: createWaitQueue(),
  };
}

/** Lines of lib/kobject.c begin with its name: not yet in 6.1, and in 6.12. */
export const NAMED_LINES = since('6.12');

/** Source: fs/sysfs/dir.c:sysfs_warn_dup(), lib/kobject.c:kobject_add_internal(). */
function warnDuplicate(kernel: Kernel, parent: KobjectDirectory, name: string): void {
  emit(kernel, {
    type: 'printk',
    level: 4,
    text: `sysfs: cannot create duplicate filename '${pathOf(parent)}/${name}'`,
  });
  const prefix = isIn(kernel.config.release, NAMED_LINES) ? 'kobject: ' : '';
  emit(kernel, {
    type: 'printk',
    level: 3,
    text: `${prefix}kobject_add_internal failed for ${name} with -EEXIST, don't try to register things with the same name in the same directory.`,
  });
}
