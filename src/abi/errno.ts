/**
 * Errors that user space sees, and the assertion for those that are ours.
 *
 * Source: include/uapi/asm-generic/errno-base.h and errno.h.
 */
import { strerror } from './strerror.ts';

interface Errno {
  readonly number: number;
  readonly text: string;
}

const NUMBERS = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOTTY: 25,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENODATA: 61,
  EPROTO: 71,
  EOPNOTSUPP: 95,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ESTALE: 116,
} as const;

export type ErrnoName = keyof typeof NUMBERS;

/** The names, numbers and glibc texts of the errnos that klpfs answers with. */
export const ERRNO = Object.fromEntries(
  Object.entries(NUMBERS).map(([name, number]) => [name, { number, text: strerror(number) }]),
) as Readonly<Record<ErrnoName, Errno>>;

const byNumber = new Map(
  Object.entries(NUMBERS).map(([name, number]) => [number as number, name as ErrnoName]),
);

/** The name of a positive errno, or undefined for one that klpfs does not know. */
export function errnoName(number: number): ErrnoName | undefined {
  return byNumber.get(number);
}

/** A failure that user space sees as an errno. `reason` is for people; the kernel does not log it. */
export class KernelError extends Error {
  readonly code: ErrnoName;
  /** What kernel functions return and log lines show: a negative number, unless somebody erred. */
  readonly errno: number;

  /** `returned` is a number that no name stands for, or that is none of an error. */
  constructor(code: ErrnoName, reason: string, returned = -ERRNO[code].number) {
    super(reason);
    this.name = 'KernelError';
    this.code = code;
    this.errno = returned;
  }
}

/** Throws when an invariant of ours does not hold. Never caught inside; at the boundary it is EIO. */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new Error(`klpfs bug: ${invariant}`);
}
