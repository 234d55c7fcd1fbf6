/**
 * Files of control/: one request is one write, answered on that write.
 *
 * A request that is not understood gets its errno, and a line in the kernel log that says why. What
 * the kernel refuses, it refuses as it always does.
 */
import { decodeUtf8, joinBytes } from '../abi/bytes.ts';
import { type ErrnoName, KernelError } from '../abi/errno.ts';
import { S_IFREG } from '../abi/mode.ts';
import { emit } from '../engine/events.ts';
import type { Kernel } from '../engine/kernel.ts';
import { LOG_LEVEL } from '../engine/printk.ts';
import type { Context } from '../engine/sched/context.ts';
import { createNode, ONE_LINK, type Tree } from './inode.ts';
import type { Answer, File, OpenFile } from './node.ts';
import { checkModeBits } from './openCheck.ts';
import { createSnapshot, readSnapshot, type Text } from './snapshot.ts';
import { countStored } from './store.ts';

export interface Verb {
  readonly name: string;
  /** What reading the file prints: how to write it, or the answer of a query. */
  readonly show: (kernel: Kernel) => Text;
  /** Absent in a query, whose file is read-only. */
  readonly execute?: (kernel: Kernel, request: string) => Answer<void>;
  /** The longest request in bytes. */
  readonly maxBytes: number;
}

/** A request that the front panel, not the kernel, refuses. */
export class RequestError extends KernelError {
  constructor(code: ErrnoName, reason: string) {
    super(code, reason);
    this.name = 'RequestError';
  }
}

/** Requests of one line. */
export const LINE_BYTES = 4096;
/** Requests that are YAML or JSON documents. */
export const DOCUMENT_BYTES = 1024 * 1024;

/**
 * FUSE cuts a long write in pieces of up to 32 pages, one less where the buffer is not aligned. A
 * piece of at least this size may be followed by another of the same write; if none comes, the
 * request is carried out when the file is closed.
 */
const FULL_PIECE_BYTES = 31 * 4096;

export function controlFile(tree: Tree, verb: Verb): File {
  const mode = S_IFREG | (verb.execute ? 0o600 : 0o400);
  const node = createNode(tree, mode, { nlink: ONE_LINK });
  return {
    kind: 'file',
    ...node,
    open: (flags) => {
      checkModeBits(node.attributes().mode, flags);
      return openVerb(tree.kernel, verb);
    },
  };
}

function openVerb(kernel: Kernel, verb: Verb): OpenFile {
  const snapshot = createSnapshot();
  let pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  return {
    read: (offset, sizeBytes) =>
      readSnapshot(snapshot, offset, sizeBytes, { show: () => verb.show(kernel) }),
    write: (_offset, data) => {
      if (!verb.execute) throw new KernelError('EIO', 'a query is only read');
      sizeBytes += data.length;
      if (sizeBytes > verb.maxBytes) {
        pieces = [];
        refuse(kernel, verb, tooLong(verb));
      }
      pieces.push(data.slice());
      if (data.length >= FULL_PIECE_BYTES) return data.length;
      return countStored(executePieces(verb.execute), data.length);
    },
    release: () => (verb.execute && pieces.length > 0 ? executePieces(verb.execute) : undefined),
  };

  function executePieces(run: NonNullable<Verb['execute']>): Context {
    const request = decodeUtf8(joinBytes(pieces));
    pieces = [];
    sizeBytes = 0;
    return execute(kernel, verb, run, request);
  }
}

function* execute(kernel: Kernel, verb: Verb, run: NonNullable<Verb['execute']>, request: string) {
  try {
    const answer = run(kernel, request);
    if (answer) yield* answer;
  } catch (error) {
    if (error instanceof RequestError) refuse(kernel, verb, error);
    throw error;
  }
}

/** One line of the log for each line of the reason. */
function refuse(kernel: Kernel, { name }: Verb, error: RequestError): never {
  for (const line of error.message.split('\n')) {
    emit(kernel, { type: 'printk', level: LOG_LEVEL.warning, text: `klpfs: ${name}: ${line}` });
  }
  throw error;
}

function tooLong({ maxBytes }: Verb): RequestError {
  return new RequestError('E2BIG', `a request has at most ${maxBytes} bytes`);
}
