/**
 * Runs fusermount(1), which mounts and unmounts for users as for root.
 *
 * A child, and never waited for synchronously: a mount may be served by this very process.
 * umount(8) is no substitute: it looks at the mount first, and refuses users.
 */
import { execFile } from 'node:child_process';
import { MountError } from './mountError.ts';

/** How a program ended. */
export interface Ended {
  readonly status: number;
  readonly errors: string;
}

/** fuse3 installs both names on Debian, only the second elsewhere. */
const NAMES = ['fusermount', 'fusermount3'];

/** Runs it to its end, in English. Throws `no-fusermount` when it is not there. */
export async function runFusermount(args: readonly string[]): Promise<Ended> {
  for (const name of NAMES) {
    const ended = await run(name, args);
    if (ended) return ended;
  }
  throw new MountError('no-fusermount', 'fusermount is missing: apt-get install fuse3');
}

function run(program: string, args: readonly string[]): Promise<Ended | undefined> {
  const env = { ...process.env, LC_ALL: 'C' };
  return new Promise((resolve) => {
    execFile(program, args, { env }, (error, _output, errors) => {
      if (!error) resolve({ status: 0, errors });
      else if (typeof error.code === 'number') resolve({ status: error.code, errors });
      else if (error.code === 'ENOENT') resolve(undefined);
      else resolve({ status: 1, errors: error.message });
    });
  });
}
