/**
 * /dev/kmsg: one record a read, a position per open, EPIPE when records were lost.
 *
 * Source: kernel/printk/printk.c:devkmsg_read(), devkmsg_write(), devkmsg_poll().
 */
import { decodeUtf8, encodeUtf8 } from '../abi/bytes.ts';
import { KernelError } from '../abi/errno.ts';
import { mayRead, O_NONBLOCK, POLLERR, POLLIN, POLLPRI, POLLRDNORM, S_IFREG } from '../abi/mode.ts';
import type { Kernel } from '../engine/kernel.ts';
import { formatKmsg, type KernelLog, LOG_LEVEL, recordAt, storeRecord } from '../engine/printk.ts';
import type { Context } from '../engine/sched/context.ts';
import { waitOn } from '../engine/sched/wait.ts';
import { isCapable } from './caller.ts';
import { createNode, ONE_LINK, type Tree } from './inode.ts';
import type { Answer, File, OpenFile } from './node.ts';
import { createPoller } from './poller.ts';

/** LOG_LINE_MAX: a kilobyte less the prefix. */
const LINE_MAX_BYTES = 1024 - 32;
const LOG_USER = 1;
/**
 * Seeks do not reach us, but a seek to the end asks for the size. So the size says where the end is:
 * this, and the sequence number of the next record.
 */
const END_OFFSET = 2 ** 40;
const READABLE = POLLIN | POLLRDNORM;

export function kmsgFile(tree: Tree): File {
  return {
    kind: 'file',
    ...createNode(tree, S_IFREG | 0o644, {
      sizeBytes: () => END_OFFSET + tree.kernel.log.nextSequence,
      nlink: ONE_LINK,
    }),
    // Each record moves its end.
    revalidated: true,
    // dmesg_restrict is set, as on Debian. Source: devkmsg_open(), check_syslog_permissions().
    open: (flags, caller) => {
      if (mayRead(flags) && !isCapable(tree, caller)) {
        throw new KernelError('EPERM', 'no CAP_SYSLOG');
      }
      return openKmsg(tree.kernel, (flags & O_NONBLOCK) === 0);
    },
  };
}

function openKmsg(kernel: Kernel, blocking: boolean): OpenFile {
  const { log } = kernel;
  const poller = createPoller(log.readers);
  let next = firstSequence(log);
  let expected = 0;
  return {
    read: (offset, sizeBytes): Answer<Uint8Array> => {
      seek(offset);
      if (next < firstSequence(log)) {
        next = firstSequence(log);
        throw new KernelError('EPIPE', 'records were lost');
      }
      if (recordAt(log, next)) return take(sizeBytes);
      if (!blocking) throw new KernelError('EAGAIN', 'no new record');
      return takeNext(sizeBytes);
    },
    write: (_offset, data) => {
      if (data.length > LINE_MAX_BYTES) throw new KernelError('EINVAL', 'the line is too long');
      writeLine(kernel, decodeUtf8(data));
      return data.length;
    },
    poll: (wake) => {
      poller.wait(wake);
      if (next >= log.nextSequence) return 0;
      return next < firstSequence(log) ? READABLE | POLLERR | POLLPRI : READABLE;
    },
    release: poller.leave,
  };

  /** A read that does not continue comes after a seek: to the beginning, or to an end. */
  function seek(offset: number): void {
    if (offset === 0) next = firstSequence(log);
    else if (offset !== expected) next = Math.max(next, offset - END_OFFSET);
    expected = offset;
  }

  function* takeNext(sizeBytes: number): Context<Uint8Array> {
    while (!recordAt(log, next)) {
      const wakeup = yield* waitOn(kernel, log.readers, 'interruptible');
      if (wakeup === 'signal') throw new KernelError('EINTR', 'a signal came');
    }
    return take(sizeBytes);
  }

  function take(sizeBytes: number): Uint8Array {
    const record = recordAt(log, next);
    const bytes = record ? encodeUtf8(formatKmsg(record)) : new Uint8Array(0);
    if (bytes.length > sizeBytes) throw new KernelError('EINVAL', 'the record does not fit');
    next += 1;
    expected += bytes.length;
    return bytes;
  }
}

/** A line of user space: `<N>` in front gives the priority, else it is a warning. */
function writeLine(kernel: Kernel, line: string): void {
  const prefix = /^<(\d{1,9})>/.exec(line);
  const given = Number(prefix?.[1] ?? LOG_LEVEL.warning);
  const facility = given >> 3 || LOG_USER;
  const text = line.slice(prefix?.[0].length ?? 0).replace(/\n$/, '');
  storeRecord(kernel, facility * 8 + (given & 7), text);
}

function firstSequence(log: KernelLog): number {
  return log.records[0]?.sequence ?? log.nextSequence;
}
