/** File modes and open flags. Source: include/uapi/linux/stat.h, asm-generic/fcntl.h. */

export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IALLUGO = 0o007777;
export const S_IRWXUGO = 0o000777;
export const S_IRUGO = 0o000444;
export const S_IWUGO = 0o000222;

export const O_ACCMODE = 0o3;
export const O_RDONLY = 0;
export const O_WRONLY = 0o1;
export const O_RDWR = 0o2;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECT = 0o40000;

/** poll(2). Source: include/uapi/asm-generic/poll.h; DEFAULT_POLLMASK is fs/select.c's. */
export const POLLIN = 0x1;
export const POLLPRI = 0x2;
export const POLLOUT = 0x4;
export const POLLERR = 0x8;
export const POLLRDNORM = 0x40;
export const POLLWRNORM = 0x100;
export const DEFAULT_POLLMASK = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

export const PAGE_SIZE = 4096;

export function mayRead(flags: number): boolean {
  return (flags & O_ACCMODE) !== O_WRONLY;
}

export function mayWrite(flags: number): boolean {
  return (flags & O_ACCMODE) !== 0;
}
