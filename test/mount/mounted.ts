/**
 * A tree, mounted for real for the length of one test, and the clients that use it.
 *
 * Clients are child processes: a synchronous look at a mount by the process that serves it would
 * never be answered.
 */
import { onTestFinished } from 'vitest';
import { FileSystem } from '../../mount/fileSystem.ts';
import { mount, type Session } from '../../mount/session.ts';
import type { Directory } from '../../src/sysfs/node.ts';
import { type Ended, emptyDirectory, run } from '../support/clients.ts';
import { memoryRun } from '../support/memoryTree.ts';
import { TRANSPORT } from '../support/transport.ts';

/** A mounted tree. */
export interface MountedTree {
  readonly directory: string;
  readonly session: Session;
  /** What was reported as a bug of ours. */
  readonly bugs: unknown[];
  readonly wakeAll: () => void;
  readonly sleeping: () => number;
  /** Runs a bash script, which finds the mount in `$MNT` and does not stand in it. */
  readonly sh: (script: string) => Promise<Ended>;
  /**
   * Evaluates Python expressions one after the other in one process, with `MNT`, `os` and the
   * names of `PRELUDE`: each one's value, `ok` for none, or the name of its errno.
   */
  readonly answers: (expressions: readonly string[]) => Promise<string[]>;
}

const PRELUDE = `
import ctypes, errno, json, mmap, os, stat, sys
libc = ctypes.CDLL(None, use_errno=True)
room = ctypes.create_string_buffer(4096)
MNT = sys.argv[1]
opened = {}
def open_as(name, path, flags): opened[name] = os.open(MNT + path, flags)
def close(name): os.close(opened.pop(name))
def read(name, size): return os.read(opened[name], size).decode()
def pread(name, size, offset): return os.pread(opened[name], size, offset).decode()
def write(name, text): return os.write(opened[name], text.encode())
def write_bytes(name, count, alignment):
    return os.write(opened[name], memoryview(mmap.mmap(-1, 1 << 20))[alignment:alignment + count])
def answer(expression):
    try:
        value = eval(expression)
        return 'ok' if value is None else str(value)
    except OSError as error:
        return errno.errorcode[error.errno].replace('ENOTSUP', 'EOPNOTSUPP')
print(json.dumps([answer(e) for e in json.loads(sys.argv[2])]))
`;

/** Mounts a tree, for root alone unless told otherwise. */
export async function mounted(root: Directory, allowOther = false): Promise<MountedTree> {
  const directory = await emptyDirectory();
  const bugs: unknown[] = [];
  const { run: runContext, wakeAll, sleeping } = memoryRun();
  const fileSystem = new FileSystem(root, runContext, (error) => bugs.push(error));
  const session = await mount(directory, fileSystem, { transport: TRANSPORT, allowOther });
  onTestFinished(async () => {
    wakeAll();
    await session.unmount('lazy').catch(() => {});
    await session.closed;
  });
  return {
    directory,
    session,
    bugs,
    wakeAll,
    sleeping,
    sh: (script) => run('bash', ['-c', `MNT=${directory}\n${script}`]),
    answers: async (expressions) => {
      const args = ['-c', PRELUDE, directory, JSON.stringify(expressions)];
      const { output, errors } = await run('python3', args);
      if (errors) throw new Error(errors);
      return JSON.parse(output);
    },
  };
}
