/**
 * What the mounted tree is made of: nodes (Linux's inodes) and open files.
 *
 * Everything above `mount/` speaks of nodes; paths exist only in transports. Methods throw
 * `KernelError` for what user space must see as an errno. An `Answer` that is a context is run by
 * the daemon on a task of the machine, and may take its time.
 */
import type { ErrnoName } from '../abi/errno.ts';
import type { Answer } from '../engine/sched/context.ts';

export type { Answer, Context } from '../engine/sched/context.ts';
export { isContext } from '../engine/sched/context.ts';

/** stat(2), without what is the same for all nodes. Times are milliseconds of the Unix epoch. */
export interface Attributes {
  readonly ino: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** chmod, chown, utimes, truncate: only what is to change. */
export interface AttributeChange {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly sizeBytes?: number;
  readonly atimeMs?: number | 'now';
  readonly mtimeMs?: number | 'now';
}

/** What a kind of file system lets user space do to names and attributes. */
export interface FileSystemType {
  readonly name: string;
  /** A name that is not there cannot even be asked to come: creating it is ENOENT. */
  readonly namesAreFixed: boolean;
  /** trusted.* and security.* attributes can be set. */
  readonly keepsXattrs: boolean;
  /** What getxattr(2) of a user.* attribute answers. */
  readonly userXattr: ErrnoName;
}

interface Inode {
  readonly ino: number;
  /** Tells nodes apart that have a number one after the other, as i_generation does. */
  readonly generation?: number;
  /**
   * It comes, goes and changes without notice, so nobody may remember it. All others say so
   * (`TreeListener`). Source: fs/proc/base.c:pid_revalidate().
   */
  readonly revalidated?: true;
  readonly fileSystem: FileSystemType;
  attributes(): Attributes;
  change(change: AttributeChange): void;
  /** A directory was listed: file_accessed(). */
  accessed(): void;
  /** Extended attributes by name. */
  readonly xattrs: Map<string, Uint8Array>;
}

export interface Directory extends Inode {
  readonly kind: 'directory';
  lookup(name: string): Node | undefined;
  /** In the order of readdir(3), without `.` and `..`. */
  list(): Iterable<Entry>;
}

/** A name in a directory, and what readdir(3) says of it. */
export type Entry = readonly [name: string, node: Pick<Node, 'ino' | 'kind' | 'revalidated'>];

export interface File extends Inode {
  readonly kind: 'file';
  /** Opening and closing it change the machine, even if it is only read. */
  readonly isOpenInput?: boolean;
  /** `flags` as in open(2). Refuses with EACCES what permission bits alone would let root do. */
  open(flags: number, caller?: Caller): OpenFile;
}

export interface Symlink extends Inode {
  readonly kind: 'symlink';
  readonly target: string;
  /** Where it leads whoever asks, if not to the same place as others. */
  targetFor?(caller: Caller): string | undefined;
}

export type Node = Directory | File | Symlink;

/** Hears of changes that did not come through the mount, about nodes by their numbers. */
export interface TreeListener {
  /** A name is gone, or belongs to another node now. */
  nameChanged(directory: number, name: string): void;
  /** What stat(2) says has changed. */
  attributesChanged(ino: number): void;
}

/** Who asks, where the transport knows it: ids as the process that serves the mount sees them. */
export interface Caller {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Says that a file may have become ready. Each is called at most once. */
export type Wake = () => void;

/** One open of a file. Every open has its own; a snapshot of what was read lives here. */
export interface OpenFile {
  /** At most `sizeBytes` bytes from `offset`; none at the end. */
  read(offset: number, sizeBytes: number, caller?: Caller): Answer<Uint8Array>;
  /** How many bytes were taken: possibly fewer than given. */
  write(offset: number, data: Uint8Array, caller?: Caller): Answer<number>;
  /**
   * What the file is ready for, as in poll(2); without this, always for reading and writing. `wake`
   * is called when the answer may have changed, and replaces the one of an earlier call.
   */
  poll?(wake: Wake | undefined): number;
  /** The last close. What is left to do is done; close(2) succeeds whatever comes of it. */
  release(): Answer<void>;
}
