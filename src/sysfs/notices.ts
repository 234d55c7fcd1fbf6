/** What the listeners of a tree hear of the kernel's objects. */
import type { KobjectDirectory } from '../engine/kobject.ts';
import type { Tree } from './inode.ts';

/**
 * Tells what becomes of an object whose directory is the node of that number. Names that come need
 * no notice of their own: nobody remembers that a name is not there.
 */
export function announceChanges(
  { listeners }: Tree,
  ino: number,
  kobject: KobjectDirectory,
  files: () => Iterable<string>,
): void {
  const nameChanged = (name: string) => {
    for (const listener of listeners) listener.nameChanged(ino, name);
  };
  /** A subdirectory more or less is a link more or less. */
  const attributesChanged = () => {
    for (const listener of listeners) listener.attributesChanged(ino);
  };
  kobject.watchers.push({
    added: attributesChanged,
    removed: (name) => {
      nameChanged(name);
      attributesChanged();
    },
    gone: () => {
      for (const name of files()) nameChanged(name);
    },
  });
}
