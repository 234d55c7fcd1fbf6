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
import { type Context, settle } from '../engine/sched/context.ts';
import {
  type AnswerText,
  createAnswer,
  extendAnswer,
  seekAnswer,
  takeAnswer,
} from './answerText.ts';
import { createNode, ONE_LINK, type Tree } from './inode.ts';
import type { Answer, File, OpenFile } from './node.ts';
import { checkModeBits } from './openCheck.ts';
import { createSnapshot, readSnapshot, type Text } from './snapshot.ts';
import { countStored } from './store.ts';

export interface Verb {
  readonly name: string;
  /** What reading the file prints: how to write it, or the answer of a query. */
  readonly show: (kernel: Kernel) => Text;
  /**
   * Absent in a query, whose file is read-only. A text is what reading the same open file gives next,
   * instead of what `show` says.
   */
  readonly execute?: (kernel: Kernel, request: string) => Answer<void> | Answer<string>;
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
  let answer: AnswerText | undefined;
  let pieces: Uint8Array[] = [];
  let writtenBytes = 0;
  let end = 0;
  return {
    read: (offset, sizeBytes) => {
      if (verb.execute && pieces.length > 0) return executeAndRead(verb.execute, offset, sizeBytes);
      return read(offset, sizeBytes);
    },
    write: (offset, data) => {
      if (!verb.execute) throw new KernelError('EIO', 'a query is only read');
      writtenBytes += data.length;
      if (writtenBytes > verb.maxBytes) {
        pieces = [];
        refuse(kernel, verb, tooLong(verb));
      }
      pieces.push(data.slice());
      end = offset + data.length;
      if (data.length >= FULL_PIECE_BYTES) return data.length;
      return countStored(executePieces(verb.execute), data.length);
    },
    release: () => (verb.execute && pieces.length > 0 ? executePieces(verb.execute) : undefined),
  };

  function read(offset: number, sizeBytes: number): Answer<Uint8Array> {
    if (!answer)
      return readSnapshot(snapshot, offset, sizeBytes, { show: () => verb.show(kernel) });
    seekAnswer(answer, offset);
    return takeAnswer(answer, sizeBytes);
  }

  /** Who reads has written all. */
  function* executeAndRead(run: Execute, offset: number, sizeBytes: number): Context<Uint8Array> {
    yield* executePieces(run);
    return yield* settle(read(offset, sizeBytes));
  }

  function* executePieces(run: Execute): Context {
    const request = decodeUtf8(joinBytes(pieces));
    pieces = [];
    writtenBytes = 0;
    const text = yield* execute(kernel, verb, run, request);
    if (text === undefined) return;
    answer = createAnswer(end);
    extendAnswer(answer, text);
  }
}

type Execute = NonNullable<Verb['execute']>;

function* execute(
  kernel: Kernel,
  verb: Verb,
  run: Execute,
  request: string,
): Context<string | undefined> {
  try {
    const text = yield* settle<unknown>(run(kernel, request));
    return typeof text === 'string' ? text : undefined;
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
