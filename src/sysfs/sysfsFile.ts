/**
 * A file of sysfs: what kernfs does for every attribute, so that attributes never see it.
 *
 * Source: fs/kernfs/file.c, fs/sysfs/file.c.
 */
import { decodeLatin1 } from '../abi/bytes.ts';
import { KernelError } from '../abi/errno.ts';
import { DEFAULT_POLLMASK, PAGE_SIZE, POLLERR, POLLPRI, S_IFREG } from '../abi/mode.ts';
import { type KobjectDirectory, withActiveReference } from '../engine/kobject.ts';
import type { Attribute } from './attribute.ts';
import { createNode, ONE_LINK, type Tree } from './inode.ts';
import { type Answer, type File, isContext, type OpenFile } from './node.ts';
import { checkModeBits } from './openCheck.ts';
import { createSnapshot, readSnapshot, type TextSource } from './snapshot.ts';
import { countStored } from './store.ts';

/** The file of an attribute in a directory that may be removed while it is open. */
export function sysfsFile<Owner>(
  tree: Tree,
  directory: KobjectDirectory,
  attribute: Attribute<Owner>,
  owner: Owner,
): File {
  const { mode, sizeBytes = PAGE_SIZE } = attribute;
  const node = createNode(tree, S_IFREG | mode, { sizeBytes: () => sizeBytes, nlink: ONE_LINK });
  const operations = operationsOf(tree, directory, attribute, owner);
  return {
    kind: 'file',
    ...node,
    open: (flags) => {
      requireLive(directory);
      checkModeBits(node.attributes().mode, flags);
      return openAttribute(operations, directory);
    },
  };
}

/** What the opens of a file have in common. Source: include/linux/sysfs.h:struct sysfs_ops. */
interface Operations extends Required<TextSource> {
  readonly store: (data: Uint8Array) => Answer<number>;
}

function operationsOf<Owner>(
  { kernel }: Tree,
  directory: KobjectDirectory,
  { show, store }: Attribute<Owner>,
  owner: Owner,
): Operations {
  return {
    requireLive: () => requireLive(directory),
    show: () => {
      if (!show) throw new KernelError('EIO', 'no show()');
      return active(show(owner, kernel));
    },
    store: (data) => {
      if (!store) throw new KernelError('EIO', 'no store()');
      const taken = data.subarray(0, PAGE_SIZE);
      return countStored(active(store(owner, cString(taken), kernel)), taken.length);
    },
  };

  /** Removal of the directory waits for what takes its time. */
  function active<T>(answer: Answer<T>): Answer<T> {
    return isContext(answer) ? withActiveReference(kernel, directory, () => answer) : answer;
  }
}

function openAttribute(operations: Operations, directory: KobjectDirectory): OpenFile {
  const snapshot = createSnapshot();
  return {
    read: (offset, sizeBytes) => readSnapshot(snapshot, offset, sizeBytes, operations),
    write: (_offset, data) => {
      operations.requireLive();
      return data.length === 0 ? 0 : operations.store(data);
    },
    // Nobody calls sysfs_notify(), and a removal wakes nobody either, as recorded on 6.1 and 6.12.
    // Source: kernfs_fop_poll(), kernfs_generic_poll(), kernfs_drain_open_files().
    poll: () => (snapshot.wasShown && directory.live ? DEFAULT_POLLMASK : CHANGED),
    release: () => {},
  };
}

const CHANGED = DEFAULT_POLLMASK | POLLERR | POLLPRI;

/** What C sees of a buffer: everything before the first NUL. */
function cString(data: Uint8Array): string {
  const end = data.indexOf(0);
  return decodeLatin1(end < 0 ? data : data.subarray(0, end));
}

function requireLive({ live, name }: KobjectDirectory): void {
  if (!live) throw new KernelError('ENODEV', `${name} was removed`);
}
