/** Writing /proc/PID/comm. Source: fs/proc/base.c:comm_write(). */
import { decodeUtf8 } from '../abi/bytes.ts';
import { KernelError } from '../abi/errno.ts';
import type { Kernel } from '../engine/kernel.ts';
import { type Context, settle } from '../engine/sched/context.ts';
import { type Task, tgidOf } from '../engine/sched/task.ts';

/**
 * Names a task on behalf of one of its process.
 *
 * @throws KernelError EINVAL if a task of another process writes.
 */
export function* writeOwnComm(kernel: Kernel, find: () => Task, data: Uint8Array): Context {
  yield* settle(nameByCurrent(kernel, find(), commFrom(data)));
}

function nameByCurrent({ tasks, current }: Kernel, task: Task, comm: string): void {
  if (tgidOf(tasks, current) !== tgidOf(tasks, task)) {
    throw new KernelError('EINVAL', 'a task of another process');
  }
  tasks.comm[task] = comm;
}

/**
 * Where nobody knows who writes, everyone may name every task, and the newline that echo adds is no
 * part of the name.
 */
export function writeAnyComm({ tasks }: Kernel, find: () => Task, data: Uint8Array): void {
  tasks.comm[find()] = commFrom(data).replace(/\n$/, '');
}

/** TASK_COMM_LEN, without the NUL at its end. */
const COMM_BYTES = 15;

/** A character that does not fit is left out. */
function commFrom(data: Uint8Array): string {
  let size = Math.min(data.length, COMM_BYTES);
  while (size > 0 && isContinuation(data[size])) size -= 1;
  const [name = ''] = decodeUtf8(data.subarray(0, size)).split('\0');
  return name;
}

/** Of a character of UTF-8, all bytes but the first. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
