/** The files of the kernel that this process runs on. */
import { type Dirent, readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Child, Kind, RealTree } from './namespacePlan.ts';

export const realTree: RealTree = {
  kind: (path) => {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats && kindOf(stats);
  },
  children: (directory) =>
    readdirSync(directory, { withFileTypes: true }).map((entry) => childOf(directory, entry)),
};

function childOf(directory: string, entry: Dirent): Child {
  const { name } = entry;
  if (!entry.isSymbolicLink()) return { name, kind: kindOf(entry) };
  return { name, kind: { link: readlinkSync(join(directory, name)) } };
}

/** Devices, sockets and pipes are bound as files are. */
function kindOf(entry: { isDirectory: () => boolean }): Kind {
  return entry.isDirectory() ? 'directory' : 'file';
}
