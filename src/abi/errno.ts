/**
 * Errors that user space sees, and the assertion for those that are ours.
 *
 * Source: include/uapi/asm-generic/errno-base.h and errno.h (numbers), glibc's strerror (texts).
 */

interface Errno {
  readonly number: number;
  readonly text: string;
}

const TABLE = {
  EPERM: { number: 1, text: 'Operation not permitted' },
  ENOENT: { number: 2, text: 'No such file or directory' },
  ESRCH: { number: 3, text: 'No such process' },
  EINTR: { number: 4, text: 'Interrupted system call' },
  EIO: { number: 5, text: 'Input/output error' },
  E2BIG: { number: 7, text: 'Argument list too long' },
  ENOEXEC: { number: 8, text: 'Exec format error' },
  EBADF: { number: 9, text: 'Bad file descriptor' },
  EAGAIN: { number: 11, text: 'Resource temporarily unavailable' },
  ENOMEM: { number: 12, text: 'Cannot allocate memory' },
  EACCES: { number: 13, text: 'Permission denied' },
  EFAULT: { number: 14, text: 'Bad address' },
  EBUSY: { number: 16, text: 'Device or resource busy' },
  EEXIST: { number: 17, text: 'File exists' },
  EXDEV: { number: 18, text: 'Invalid cross-device link' },
  ENODEV: { number: 19, text: 'No such device' },
  ENOTDIR: { number: 20, text: 'Not a directory' },
  EISDIR: { number: 21, text: 'Is a directory' },
  EINVAL: { number: 22, text: 'Invalid argument' },
  ENOSPC: { number: 28, text: 'No space left on device' },
  ESPIPE: { number: 29, text: 'Illegal seek' },
  EROFS: { number: 30, text: 'Read-only file system' },
  EPIPE: { number: 32, text: 'Broken pipe' },
  ERANGE: { number: 34, text: 'Numerical result out of range' },
  ENAMETOOLONG: { number: 36, text: 'File name too long' },
  ENOSYS: { number: 38, text: 'Function not implemented' },
  ENODATA: { number: 61, text: 'No data available' },
  EOPNOTSUPP: { number: 95, text: 'Operation not supported' },
  ENOTCONN: { number: 107, text: 'Transport endpoint is not connected' },
  ETIMEDOUT: { number: 110, text: 'Connection timed out' },
} as const satisfies Record<string, Errno>;

export type ErrnoName = keyof typeof TABLE;

/** The names, numbers and glibc texts of the errnos that klpfs answers with. */
export const ERRNO: Readonly<Record<ErrnoName, Errno>> = TABLE;

const byNumber = new Map(
  Object.entries(TABLE).map(([name, errno]) => [errno.number as number, name as ErrnoName]),
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
