/** Files of tracefs: made when read, and what is only read cannot be written. */
import { KernelError } from '../abi/errno.ts';
import type { Tree } from './inode.ts';
import type { File } from './node.ts';
import { type ProcFile, procFile } from './procFile.ts';

/** Source: fs/read_write.c:vfs_write() of a file without write(). */
export function tracefsFile(tree: Tree, { mode, show, store = refuse }: ProcFile): File {
  return procFile(tree, { mode, show, store });
}

export function refuse(): never {
  throw new KernelError('EINVAL', 'no write()');
}
