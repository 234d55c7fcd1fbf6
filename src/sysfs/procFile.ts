/**
 * Files of procfs and tracefs: text of no known size, made when read.
 *
 * Source: fs/proc/generic.c, fs/seq_file.c.
 */
import { decodeLatin1 } from '../abi/bytes.ts';
import { KernelError } from '../abi/errno.ts';
import { S_IFREG } from '../abi/mode.ts';
import { createNode, ONE_LINK, type Tree } from './inode.ts';
import type { Answer, Caller, File } from './node.ts';
import { createSnapshot, readSnapshot } from './snapshot.ts';
import { countStored } from './store.ts';

export interface ProcFile {
  /** Permission bits. */
  readonly mode: number;
  /** For whoever has opened the file, as far as that is known. */
  readonly show: (caller: Caller | undefined) => Answer<string>;
  readonly store?: (input: string) => Answer<void>;
}

/**
 * A file without store() may be opened for writing by root; the write then fails with EIO, as
 * proc_reg_write() without a handler does.
 */
export function procFile(tree: Tree, { mode, show, store }: ProcFile): File {
  return {
    kind: 'file',
    ...createNode(tree, S_IFREG | mode, { nlink: ONE_LINK }),
    open: (_flags, caller) => {
      const snapshot = createSnapshot();
      const source = { show: () => show(caller) };
      return {
        read: (offset, sizeBytes) => readSnapshot(snapshot, offset, sizeBytes, source),
        write: (_offset, data) => {
          if (!store) throw new KernelError('EIO', 'no write()');
          return countStored(store(decodeLatin1(data)), data.length);
        },
        release: () => {},
      };
    },
  };
}
