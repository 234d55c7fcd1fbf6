/**
 * Files that are asked and answer: one write is the request, what is read after it on the same open
 * file is the answer.
 *
 * As the transaction files of selinuxfs and nfsd, but for one thing: the write does not wait for the
 * end, reading does. The kernel lets one write at a time into a file of a FUSE file system, so a request
 * that takes its time would hold up all others.
 *
 * Source: fs/libfs.c:simple_transaction_get(), simple_transaction_read().
 */
import { KernelError } from '../abi/errno.ts';
import { DEFAULT_POLLMASK, O_NONBLOCK, POLLOUT, POLLWRNORM, S_IFREG } from '../abi/mode.ts';
import type { Kernel } from '../engine/kernel.ts';
import { type Context, RESCHED, type Wakeup } from '../engine/sched/context.ts';
import { interruptRequest } from '../engine/sched/request.ts';
import { type Outcome, spawnSuccessor } from '../engine/sched/scheduler.ts';
import type { Task } from '../engine/sched/task.ts';
import { createWaitQueue, waitOn, wakeAll } from '../engine/sched/wait.ts';
import {
  type AnswerText,
  createAnswer,
  extendAnswer,
  seekAnswer,
  takeAnswer,
  unreadBytes,
} from './answerText.ts';
import { createNode, ONE_LINK, type Tree } from './inode.ts';
import type { Answer, File, OpenFile } from './node.ts';
import { checkModeBits } from './openCheck.ts';
import { createPoller } from './poller.ts';

/** A request that was understood: who works on it, and how. */
export interface Job {
  /** The comm of the process. */
  readonly name: string;
  /** Works on a task of its own; the answer is all that it sends, and what it returns. */
  readonly work: (pipe: Pipe) => Context<string>;
}

/** The way to who reads the answer. */
export interface Pipe {
  readonly send: (text: string) => void;
  /** Sleeps while as much is unread as a pipe would hold. */
  readonly drained: () => Context<Wakeup>;
}

export interface Transaction {
  readonly name: string;
  readonly mode: number;
  /** Refuses with a KernelError what is no request. */
  readonly accept: (kernel: Kernel, request: Uint8Array) => Job;
}

/** What fits into one write of FUSE, whatever its buffer is off a page. */
const REQUEST_MAX_BYTES = 16 * 4096;
/** PIPE_DEF_BUFFERS. */
const PIPE_BYTES = 16 * 4096;

export function transactionFile(tree: Tree, transaction: Transaction): File {
  const node = createNode(tree, S_IFREG | transaction.mode, { nlink: ONE_LINK });
  return {
    kind: 'file',
    ...node,
    open: (flags) => {
      checkModeBits(node.attributes().mode, flags);
      return openTransaction(tree.kernel, transaction, (flags & O_NONBLOCK) === 0);
    },
  };
}

function openTransaction(kernel: Kernel, { accept }: Transaction, blocking: boolean): OpenFile {
  const readers = createWaitQueue();
  const writers = createWaitQueue();
  const poller = createPoller(readers);
  let answer: AnswerText | undefined;
  let task: Task | undefined;
  let outcome: Outcome<string> | undefined;

  return {
    write: (offset, data) => {
      if (answer) throw new KernelError('EBUSY', 'one request for each open');
      if (data.length > REQUEST_MAX_BYTES)
        throw new KernelError('EFBIG', 'the request is too long');
      const job = accept(kernel, data);
      answer = createAnswer(offset + data.length);
      return begin(job, answer, data.length);
    },
    read: (offset, sizeBytes): Answer<Uint8Array> => {
      if (!answer) return new Uint8Array(0);
      seekAnswer(answer, offset);
      if (!isReady(answer) && !blocking) throw new KernelError('EAGAIN', 'nothing more yet');
      if (isReady(answer) && writers.waiters.length === 0) return take(answer, sizeBytes);
      return takeNext(answer, sizeBytes);
    },
    poll: (wake) => {
      poller.wait(wake);
      return answer && !isReady(answer) ? POLLOUT | POLLWRNORM : DEFAULT_POLLMASK;
    },
    // Who goes away without the answer takes the process along, as a shell that ends.
    release: () => {
      poller.leave();
      return task === undefined || outcome ? undefined : hangUp(task);
    },
  };

  /** By a task, so that a replay begins it at the same point, and on that task's cpu. */
  function* begin({ name, work }: Job, text: AnswerText, sizeBytes: number): Context<number> {
    const send = (more: string) => {
      extendAnswer(text, more);
      wakeAll(kernel, readers);
    };
    function* drained(): Context<Wakeup> {
      let wakeup: Wakeup = 'woken';
      while (unreadBytes(text) >= PIPE_BYTES && wakeup !== 'signal') {
        wakeup = yield* waitOn(kernel, writers, 'interruptible');
      }
      return wakeup;
    }
    task = spawnSuccessor(kernel, name, work({ send, drained }), (ended) => {
      outcome = ended;
      send('value' in ended ? ended.value : '');
    });
    return sizeBytes;
  }

  function* hangUp(working: Task): Context {
    interruptRequest(kernel, working);
    yield RESCHED;
  }

  function* takeNext(text: AnswerText, sizeBytes: number): Context<Uint8Array> {
    while (!isReady(text)) {
      const wakeup = yield* waitOn(kernel, readers, 'interruptible');
      if (wakeup === 'signal') throw new KernelError('EINTR', 'a signal came');
    }
    return take(text, sizeBytes);
  }

  function isReady(text: AnswerText): boolean {
    return outcome !== undefined || unreadBytes(text) > 0;
  }

  function take(text: AnswerText, sizeBytes: number): Uint8Array {
    const taken = takeAnswer(text, sizeBytes);
    if (taken.length === 0 && outcome && 'error' in outcome) throw outcome.error;
    wakeAll(kernel, writers);
    return taken;
  }
}
