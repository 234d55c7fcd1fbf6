/** The tree of `trialDaemon.ts`, which the recorded messages of `golden.jsonl` are about. */
import { directory, file, type MemoryDirectory, symlink } from '../support/memoryTree.ts';

export function trialTree(): MemoryDirectory {
  return directory({
    file: file('1\n'),
    link: symlink('file'),
    dir: directory({ inner: file('2\n') }),
  });
}
