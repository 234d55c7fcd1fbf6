/** Starting and ending those who serve a mount; none of them is left behind. */
import type { ChildProcess } from 'node:child_process';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Mount, readMounts } from '../../mount/mountInfo.ts';
import { unmountDirectory } from '../../mount/unmount.ts';
import { type Bench, newDirectory, type Server } from './bench.ts';
import { awaitEnd, endAll, start } from './program.ts';

const ANSWER_LIMIT_MS = 20_000;
const ASK_AGAIN_MS = 10;
const COMPLAINT_LENGTH = 2000;

/** Who serves, and a path in its mount which is there when it does. */
export interface Serving {
  readonly command: (directory: string) => readonly [command: string, ...args: string[]];
  readonly answersAt: string;
}

/** Resolves when the mount answers. It may send messages if it is a Node process. */
export async function startServer(
  bench: Bench,
  { command, answersAt }: Serving,
  channel: 'ipc' | 'ignore',
): Promise<Server> {
  const directory = newDirectory(bench, 'mount');
  const [program, ...args] = command(directory);
  const child = start(program, args, ['ignore', 'ignore', 'pipe', channel]);
  await Promise.race([answer(join(directory, answersAt)), failure(child)]);
  return {
    directory,
    process: child,
    stop: async () => {
      await unmountDirectory(directory, 'plain');
      await awaitEnd(child);
    },
  };
}

/** Rejects when it ends, with what it says of that. */
function failure(child: ChildProcess): Promise<never> {
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-COMPLAINT_LENGTH);
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(`${child.spawnfile} has ended: ${said}`)));
  });
  // Once it has answered, nobody waits for its failure any more.
  failed.catch(() => {});
  return failed;
}

async function answer(path: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < ANSWER_LIMIT_MS; waitedMs += ASK_AGAIN_MS) {
    const found = await stat(path).catch(() => undefined);
    if (found) return;
    await setTimeout(ASK_AGAIN_MS);
  }
  throw new Error(`${path} is not there`);
}

/** Unmounts everything below the scratch directory, ends everybody, and removes it. */
export async function leaveNothing(scratch: string): Promise<void> {
  await unmountBelow(scratch);
  await endAll();
  // Somebody may have mounted on his way out.
  await unmountBelow(scratch);
  // Removing a directory must never mean removing what somebody serves there.
  const [left] = await mountsBelow(scratch);
  if (left) throw new Error(`still mounted: ${left.directory}`);
  await rm(scratch, { recursive: true, force: true });
}

async function unmountBelow(scratch: string): Promise<void> {
  for (const { directory } of await mountsBelow(scratch)) {
    // It may have gone by itself; what has not is found above.
    await unmountDirectory(directory, 'lazy').catch(complain);
  }
}

async function mountsBelow(scratch: string): Promise<Mount[]> {
  const mounts = await readMounts();
  return mounts.filter(({ directory }) => directory.startsWith(`${scratch}/`)).toReversed();
}

function complain(error: unknown): void {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
}
