/**
 * A tiny file system in memory: what `mount/` serves where no kernel is needed.
 *
 * Sizes are those of sysfs: 4096 for files, whatever they hold. Truncating only touches times.
 */
import type { Outcome, Run } from '../../mount/reply.ts';
import { KernelError } from '../../src/abi/errno.ts';
import { PAGE_SIZE, S_IFDIR, S_IFLNK, S_IFREG } from '../../src/abi/mode.ts';
import type { Suspension, Wakeup } from '../../src/engine/sched/context.ts';
import { sysfsOf } from '../../src/sysfs/fileSystems.ts';
import type {
  Answer,
  AttributeChange,
  Attributes,
  Context,
  Directory,
  File,
  Node,
  OpenFile,
  Symlink,
} from '../../src/sysfs/node.ts';

/** 2020-01-01T00:00:00Z: when every node of the tree was made. */
export const BIRTH_MS = Date.UTC(2020, 0, 1);

let lastIno = 1000;

/** What is the same for all kinds of nodes. */
function inode(type: number, permissions: number, sizeBytes: number) {
  const ino = ++lastIno;
  let attributes: Attributes = {
    ino,
    mode: type | permissions,
    nlink: type === S_IFDIR ? 2 : 1,
    uid: 0,
    gid: 0,
    sizeBytes,
    atimeMs: BIRTH_MS,
    mtimeMs: BIRTH_MS,
    ctimeMs: BIRTH_MS,
  };
  return {
    ino,
    fileSystem: sysfsOf('4.15'),
    // Its names and attributes change without notice.
    revalidated: true as const,
    xattrs: new Map<string, Uint8Array>(),
    attributes: () => attributes,
    accessed: () => {
      attributes = { ...attributes, atimeMs: Date.now() };
    },
    change: ({ sizeBytes: truncated, mode, atimeMs, mtimeMs, ...owner }: AttributeChange) => {
      const nowMs = Date.now();
      const time = (given: number | 'now') => (given === 'now' ? nowMs : given);
      attributes = {
        ...attributes,
        ...owner,
        atimeMs: time(atimeMs ?? attributes.atimeMs),
        mtimeMs: time(mtimeMs ?? attributes.mtimeMs),
        ctimeMs: nowMs,
      };
      if (mode !== undefined) attributes = { ...attributes, mode: type | mode };
      if (truncated !== undefined) attributes = { ...attributes, mtimeMs: nowMs };
    },
  };
}

/** A directory whose names can be changed behind the kernel's back. */
export interface MemoryDirectory extends Directory {
  readonly names: Map<string, Node>;
}

/** A directory with these names in it. */
export function directory(entries: Readonly<Record<string, Node>> = {}): MemoryDirectory {
  const names = new Map(Object.entries(entries));
  return {
    kind: 'directory',
    ...inode(S_IFDIR, 0o755, 0),
    names,
    lookup: (name) => names.get(name),
    list: () => names,
  };
}

/** A symbolic link. */
export function symlink(target: string): Symlink {
  return { kind: 'symlink', ...inode(S_IFLNK, 0o777, target.length), target };
}

/** What a file of the tree does; whatever is left out does what a plain file does. */
export interface FileBehaviour {
  readonly mode?: number;
  readonly open?: (flags: number) => void;
  readonly read?: (offset: number, sizeBytes: number) => Answer<Uint8Array>;
  readonly write?: (offset: number, data: Uint8Array) => Answer<number>;
  readonly release?: () => void;
}

/** A file that holds `text`, or behaves as told. Writes replace the text, wherever they start. */
export function file(text = '', behaviour: FileBehaviour = {}): File {
  let content = Buffer.from(text);
  const opened: OpenFile = {
    read: (offset, sizeBytes) => content.subarray(offset, offset + sizeBytes),
    write: (_offset, data) => {
      content = Buffer.from(data);
      return data.length;
    },
    release: () => {},
    ...behaviour,
  };
  return {
    kind: 'file',
    ...inode(S_IFREG, behaviour.mode ?? 0o644, PAGE_SIZE),
    open: (flags) => {
      behaviour.open?.(flags);
      return opened;
    },
  };
}

/** A file that notes down every change of its attributes. */
export function recordingChanges(node: File): { node: File; changes: AttributeChange[] } {
  const changes: AttributeChange[] = [];
  const change = (to: AttributeChange) => {
    changes.push(to);
    node.change(to);
  };
  return { node: { ...node, change }, changes };
}

/** A context that sleeps, once, until `wake` is called or a signal comes, which is EINTR. */
export function* sleepThen<T>(value: () => T): Context<T> {
  const wakeup = yield { kind: 'sleep', state: 'interruptible' };
  if (wakeup === 'signal') throw new KernelError('EINTR', 'a signal came');
  return value();
}

/** Runs contexts: a sleep lasts until `wakeAll()`, or an interrupt if it is interruptible. */
export function memoryRun(): { run: Run; wakeAll: () => void; sleeping: () => number } {
  const sleepers = new Set<() => void>();

  const run: Run = (context, settled) => {
    let interruptible = false;
    const wake = () => advance('woken');
    function advance(wakeup: Wakeup): void {
      sleepers.delete(wake);
      const step = nextStep(context, wakeup);
      if ('suspension' in step) {
        const { suspension } = step;
        interruptible = suspension.kind === 'sleep' && suspension.state === 'interruptible';
        sleepers.add(wake);
      } else {
        settled(step);
      }
    }
    advance('woken');
    return () => {
      if (interruptible && sleepers.has(wake)) advance('signal');
    };
  };
  return {
    run,
    wakeAll: () => {
      for (const wake of [...sleepers]) wake();
    },
    sleeping: () => sleepers.size,
  };
}

function nextStep<T>(
  context: Context<T>,
  wakeup: Wakeup,
): Outcome<T> | { readonly suspension: Suspension } {
  try {
    const { done, value } = context.next(wakeup);
    return done ? { value } : { suspension: value };
  } catch (error) {
    return { error };
  }
}
