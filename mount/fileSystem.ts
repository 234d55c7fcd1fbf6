/**
 * The operations of a mounted file system, on nodes; every one answered exactly once.
 *
 * A transport turns what its protocol calls a file (a path, an inode number) into a node, asks
 * here, and translates the result. Nothing here knows which transport asks.
 */
import { ERRNO, KernelError } from '../src/abi/errno.ts';
import { DEFAULT_POLLMASK, O_DIRECT, O_TRUNC, PAGE_SIZE } from '../src/abi/mode.ts';
import type {
  AttributeChange,
  Attributes,
  Caller,
  Directory,
  Entry,
  Node,
  OpenFile,
  Wake,
} from '../src/sysfs/node.ts';
import { type NamespaceOperation, refuse } from './refusals.ts';
import {
  answer,
  answerByTask,
  type Interrupt,
  type OnBug,
  type Reply,
  type Result,
  type Run,
} from './reply.ts';
import { getXattr, listXattrs, removeXattr, setXattr } from './xattrs.ts';

/** statfs(2), as far as it is not zero. */
export interface FileSystemStatistics {
  readonly blockSizeBytes: number;
  readonly nameLengthBytes: number;
}

/** Source: fs/libfs.c:simple_statfs(), which sysfs uses; NAME_MAX. */
const STATISTICS: FileSystemStatistics = { blockSizeBytes: PAGE_SIZE, nameLengthBytes: 255 };

/** Asked for all the time, and an error that is thrown costs more than all other lookups. */
const NO_ENTRY: Result<never> = { errno: -ERRNO.ENOENT.number };

/** A tree of nodes, ready to be served. `run` executes the contexts that reads and writes need. */
export class FileSystem {
  readonly root: Directory;
  readonly onBug: OnBug;
  readonly #run: Run;

  constructor(root: Directory, run: Run, onBug: OnBug) {
    this.root = root;
    this.#run = run;
    this.onBug = onBug;
  }

  /** The node of that name: ENOENT, or ENOTDIR where `parent` is no directory. */
  lookup(parent: Node, name: string, reply: Reply<Node>): void {
    answer(
      () => asDirectory(parent).lookup(name),
      (result) => {
        if ('errno' in result) reply(result);
        else reply(result.value ? { value: result.value } : NO_ENTRY);
      },
      this.onBug,
    );
  }

  getattr(node: Node, reply: Reply<Attributes>): void {
    answer(() => node.attributes(), reply, this.onBug);
  }

  /** Changes attributes and answers with the new ones. */
  setattr(node: Node, change: AttributeChange, reply: Reply<Attributes>): void {
    answer(
      () => {
        node.change(change);
        return node.attributes();
      },
      reply,
      this.onBug,
    );
  }

  /** EISDIR for a directory, EINVAL with O_DIRECT; O_TRUNC truncates once the open has succeeded. */
  open(node: Node, flags: number, reply: Reply<OpenFile>, caller?: Caller): void {
    answer(() => openNode(node, flags, caller), reply, this.onBug);
  }

  /** Reads at most `sizeBytes`. Returns how to interrupt it, unless it is already answered. */
  read(
    file: OpenFile,
    { offset, sizeBytes }: { offset: number; sizeBytes: number },
    reply: Reply<Uint8Array>,
    caller?: Caller,
  ): Interrupt | undefined {
    const read = () => file.read(offset, sizeBytes, caller);
    return answerByTask(read, reply, { run: this.#run, onBug: this.onBug, caller });
  }

  /** Writes; the reply may say fewer bytes. Returns how to interrupt it, unless already answered. */
  write(
    file: OpenFile,
    { offset, data }: { offset: number; data: Uint8Array },
    reply: Reply<number>,
    caller?: Caller,
  ): Interrupt | undefined {
    const write = () => file.write(offset, data, caller);
    return answerByTask(write, reply, { run: this.#run, onBug: this.onBug, caller });
  }

  /** What the file is ready for, a mask of poll(2). */
  poll(file: OpenFile, wake: Wake | undefined, reply: Reply<number>): void {
    answer(() => file.poll?.(wake) ?? DEFAULT_POLLMASK, reply, this.onBug);
  }

  release(file: OpenFile, reply: Reply<void>): void {
    answerByTask(() => file.release(), reply, {
      run: this.#run,
      onBug: this.onBug,
      caller: undefined,
    });
  }

  /** All entries but `.` and `..`, which are the transport's to add; made as they are taken. */
  readdir(node: Node, reply: Reply<Iterable<Entry>>): void {
    answer(
      () => {
        const entries = asDirectory(node).list();
        node.accessed();
        return entries;
      },
      reply,
      this.onBug,
    );
  }

  /** EINVAL for anything but a symlink. Source: fs/stat.c:do_readlinkat(). */
  readlink(node: Node, reply: Reply<string>, caller?: Caller): void {
    answer(
      () => {
        if (node.kind !== 'symlink') throw new KernelError('EINVAL', 'not a symlink');
        return (caller && node.targetFor?.(caller)) ?? node.target;
      },
      reply,
      this.onBug,
    );
  }

  statfs(reply: Reply<FileSystemStatistics>): void {
    reply({ value: STATISTICS });
  }

  /** Answers an attempt to change names in a directory with its errno; it never succeeds. */
  refuse(operation: NamespaceOperation, parent: Node, name: string, reply: Reply<never>): void {
    answer(() => refuse(operation, asDirectory(parent), name), reply, this.onBug);
  }

  setxattr(
    node: Node,
    { name, value, flags }: { name: string; value: Uint8Array; flags: number },
    reply: Reply<void>,
  ): void {
    answer(() => setXattr(node, name, value, flags), reply, this.onBug);
  }

  getxattr(node: Node, name: string, reply: Reply<Uint8Array>): void {
    answer(() => getXattr(node, name), reply, this.onBug);
  }

  listxattr(node: Node, reply: Reply<readonly string[]>): void {
    answer(() => listXattrs(node), reply, this.onBug);
  }

  removexattr(node: Node, name: string, reply: Reply<void>): void {
    answer(() => removeXattr(node, name), reply, this.onBug);
  }
}

function asDirectory(node: Node): Directory {
  if (node.kind !== 'directory') throw new KernelError('ENOTDIR', 'not a directory');
  return node;
}

/** Source: fs/open.c:do_dentry_open() (O_DIRECT after the open), fs/namei.c:handle_truncate(). */
function openNode(node: Node, flags: number, caller: Caller | undefined): OpenFile {
  if (node.kind === 'directory') throw new KernelError('EISDIR', 'a directory is not opened here');
  if (node.kind === 'symlink') throw new KernelError('EINVAL', 'a symlink is not opened');

  const file = node.open(flags, caller);
  try {
    if (flags & O_DIRECT) throw new KernelError('EINVAL', 'no direct I/O');
    if (flags & O_TRUNC) node.change({ sizeBytes: 0 });
  } catch (error) {
    file.release();
    throw error;
  }
  return file;
}
