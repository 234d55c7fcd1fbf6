/** Clients of a mount: processes of their own, and the directories that they use. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** An empty directory that is unmounted and removed after the test. */
export async function emptyDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'klpfs-test-'));
  onTestFinished(async () => {
    while ((await run('fusermount', ['-uz', directory])).status === 0);
    await rm(directory, { recursive: true });
  });
  return directory;
}

/** How a client ended. */
export interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** libfuse 2 leaves /dev/fuse open in children, and who holds that keeps a dead mount from failing. */
const CLOSE_AND_EXEC = `
cd /proc/$$/fd
for fd in *; do ((fd > 2 && fd < 255)) && eval "exec $fd>&-"; done
cd /
exec "$@"`;

/** Runs a client to its end. */
export function run(
  program: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const client = ['-c', CLOSE_AND_EXEC, 'bash', program, ...args];
  const child = spawn('bash', client, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
    env: { ...process.env, ...variables, LC_ALL: 'C' },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    errors += data;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output, errors }));
  });
}

/** Waits until something is so; fails after five seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const lastMs = performance.now() + 5000;
  while (!(await condition())) {
    if (performance.now() > lastMs) throw new Error(`never came true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
