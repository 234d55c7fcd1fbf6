/**
 * set_ftrace_filter and set_ftrace_notrace: which functions the function tracer sees.
 *
 * Source: kernel/trace/ftrace.c:ftrace_regex_open(), ftrace_regex_write(), ftrace_regex_release().
 */
import { decodeLatin1 } from '../abi/bytes.ts';
import { KernelError } from '../abi/errno.ts';
import { mayWrite, O_TRUNC, S_IFREG } from '../abi/mode.ts';
import { applyWord, traceableFunctions } from '../engine/ftrace/filter.ts';
import { setFilter } from '../engine/ftrace/ftrace.ts';
import type { Code } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import { describeCode } from './enabledFunctions.ts';
import { createNode, ONE_LINK, type Tree } from './inode.ts';
import type { File, OpenFile } from './node.ts';
import { createSnapshot, readSnapshot } from './snapshot.ts';

const EMPTY_TEXT = {
  filter: '#### all functions enabled ####\n',
  notrace: '#### no functions disabled ####\n',
} as const;

type Which = keyof typeof EMPTY_TEXT;

export function functionFilterFile(tree: Tree, which: Which): File {
  return {
    kind: 'file',
    ...createNode(tree, S_IFREG | 0o640, { nlink: ONE_LINK }),
    open: (flags) => openFilter(tree.kernel, which, mayWrite(flags) && (flags & O_TRUNC) !== 0),
  };
}

/**
 * An open with O_TRUNC begins with no functions. What was chosen before holds until the first write
 * or, without one, until the file is closed: the tracer never sees all functions in between.
 */
function openFilter(kernel: Kernel, which: Which, truncated: boolean): OpenFile {
  const snapshot = createSnapshot();
  let starts = truncated;
  return {
    read: (offset, sizeBytes) =>
      readSnapshot(snapshot, offset, sizeBytes, { show: () => showFilter(kernel, which) }),
    write: (_offset, data) => {
      const chosen = new Set(starts ? [] : kernel.trace.ops[which]);
      const takenBytes = applyWords(kernel, decodeLatin1(data), chosen);
      starts = false;
      setFilter(kernel, kernel.trace.ops, which, chosen);
      return takenBytes;
    },
    release: () => {
      if (starts) setFilter(kernel, kernel.trace.ops, which, []);
    },
  };
}

/**
 * Answers how many bytes were taken: Linux takes a word a write, so those before a wrong one hold.
 *
 * @throws KernelError EINVAL if the first word is wrong.
 */
function applyWords(kernel: Kernel, text: string, chosen: Set<Code>): number {
  for (const { 0: word, index } of text.matchAll(/[^\s\0]+/g)) {
    try {
      applyWord(kernel, word, chosen);
    } catch (error) {
      if (!(error instanceof KernelError) || text.slice(0, index).trim() === '') throw error;
      return index;
    }
  }
  return text.length;
}

/** A function whose module is gone is still chosen, but not shown. */
function showFilter(kernel: Kernel, which: Which): string {
  const chosen = kernel.trace.ops[which];
  if (chosen.size === 0) return EMPTY_TEXT[which];
  return [...traceableFunctions(kernel)]
    .filter((code) => chosen.has(code))
    .map((code) => `${describeCode(code)}\n`)
    .join('');
}
