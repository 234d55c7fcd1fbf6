/** The part of fuse-native 2.2.6 that we use; it comes without types. */

/** Ends a request with a negative errno, or with 0 (reads, writes: the byte count) and the values. */
export type Done<Values extends readonly unknown[] = []> = (
  status: number,
  ...values: Values | []
) => void;

export interface FuseStat {
  readonly ino: number;
  readonly mode: number;
  readonly nlink?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly blksize?: number;
  readonly atime?: number;
  readonly mtime?: number;
  readonly ctime?: number;
}

export interface FuseStatfs {
  readonly bsize: number;
  readonly frsize: number;
  readonly namemax: number;
}

export interface FuseOperations {
  getattr(path: string, done: Done<[FuseStat]>): void;
  readdir(path: string, done: Done<[names: string[], stats: FuseStat[]]>): void;
  readlink(path: string, done: Done<[string]>): void;
  statfs(path: string, done: Done<[FuseStatfs]>): void;
  open(path: string, flags: number, done: Done<[number]>): void;
  read(
    path: string,
    fd: number,
    buffer: Uint8Array,
    sizeBytes: number,
    offset: number,
    done: Done,
  ): void;
  write(
    path: string,
    fd: number,
    buffer: Uint8Array,
    sizeBytes: number,
    offset: number,
    done: Done,
  ): void;
  release(path: string, fd: number, done: Done): void;
  fsync(path: string, dataOnly: number, fd: number, done: Done): void;
  truncate(path: string, sizeBytes: number, done: Done): void;
  ftruncate(path: string, fd: number, sizeBytes: number, done: Done): void;
  chmod(path: string, mode: number, done: Done): void;
  chown(path: string, uid: number, gid: number, done: Done): void;
  utimens(path: string, atimeMs: number, mtimeMs: number, done: Done): void;
  create(path: string, mode: number, done: Done<[number]>): void;
  mkdir(path: string, mode: number, done: Done): void;
  mknod(path: string, mode: number, device: number, done: Done): void;
  symlink(target: string, path: string, done: Done): void;
  link(path: string, newPath: string, done: Done): void;
  unlink(path: string, done: Done): void;
  rmdir(path: string, done: Done): void;
  rename(path: string, newPath: string, done: Done): void;
  setxattr(
    path: string,
    name: string,
    value: Uint8Array,
    position: number,
    flags: number,
    done: Done,
  ): void;
  getxattr(path: string, name: string, position: number, done: Done<[Uint8Array]>): void;
  listxattr(path: string, done: Done<[readonly string[]]>): void;
  removexattr(path: string, name: string, done: Done): void;
}

export interface FuseOptions {
  /** Joined into one `-o` option: what follows a comma is an option of its own. */
  readonly fsname: string;
  readonly allowOther: boolean;
  readonly defaultPermissions: boolean;
  readonly timeout: false;
}

/** Ends a request whose buffer belongs to libfuse. */
export type Signal = (status: number, buffer: ArrayBufferLike) => void;

export interface FuseNative {
  mount(mounted: (error?: Error | null) => void): void;
  unmount(unmounted: (error?: Error | null) => void): void;
  _op_getxattr(
    signal: Signal,
    path: string,
    name: string,
    buffer: Uint8Array,
    position: number,
  ): void;
  _op_listxattr(signal: Signal, path: string, buffer: Uint8Array): void;
}

export interface FuseNativeClass {
  new (directory: string, operations: FuseOperations, options: FuseOptions): FuseNative;
  unmount(directory: string, unmounted: (error?: Error | null) => void): void;
}
