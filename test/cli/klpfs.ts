/**
 * The real command line on real mounts, each in a temporary folder of its own.
 *
 * When a test ends, however it ends, its machines are unmounted and their daemons gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { expect, onTestFinished } from 'vitest';

const MAIN = resolve(import.meta.dirname, '../../dist/src/cli/main.js');
/** For a daemon to unmount on a signal, and to notice that it was unmounted. */
const GENTLE_MS = 500;
const END_MS = 5000;

/** How a command ended. */
export interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** A folder with `klpfs` on the PATH of its scripts, and the logs of its daemons. */
export interface Folder {
  readonly path: string;
  /** Runs bash with the folder as current directory, in `$T` too. */
  readonly sh: (script: string) => Promise<Ended>;
  /** The same, without waiting for its end. */
  readonly start: (script: string) => ChildProcess;
  readonly write: (name: string, text: string) => Promise<void>;
}

/** A folder with a mounted machine, whose mount point is in `$M` and KLPFS_MOUNT. */
export interface TestMachine extends Folder {
  readonly mount: string;
}

export async function createFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'klpfs-cli-'));
  await mkdir(join(path, 'bin'));
  await symlink(MAIN, join(path, 'bin/klpfs'));
  onTestFinished(() => removeFolder(path));
  return folderAt(path, {});
}

/** Mounts a machine in the background on `mnt` in a new folder. */
export async function startMachine(options = '', files: Record<string, string> = {}) {
  const folder = await createFolder();
  for (const [name, text] of Object.entries(files)) await folder.write(name, text);
  const mounted = await folder.sh(`mkdir mnt && klpfs mount mnt ${options}`);
  expect(mounted).toEqual({ status: 0, output: '', errors: '' });
  const mount = join(folder.path, 'mnt');
  const machine: TestMachine = {
    ...folderAt(folder.path, { KLPFS_MOUNT: mount, M: mount }),
    mount,
  };
  return machine;
}

/** Waits until something is so; fails after five seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const lastMs = performance.now() + 5000;
  while (!(await condition())) {
    if (performance.now() > lastMs) throw new Error(`never came true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A child that runs, and what it has said until now. */
export interface Watched {
  readonly output: () => string;
  readonly ended: Promise<Ended>;
}

export function watch(child: ChildProcess): Watched {
  let output = '';
  let errors = '';
  child.stdout?.on('data', (data) => {
    output += data;
  });
  child.stderr?.on('data', (data) => {
    errors += data;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output, errors }));
  });
  return { output: () => output, ended };
}

function folderAt(path: string, variables: Record<string, string>): Folder {
  const { KLPFS_MOUNT: _, ...inherited } = process.env;
  const env = {
    ...inherited,
    PATH: `${path}/bin:${process.env['PATH']}`,
    XDG_STATE_HOME: `${path}/state`,
    T: path,
    LC_ALL: 'C',
    ...variables,
  };
  const start = (script: string) => {
    const child = spawn('bash', ['-c', script], { cwd: path, env, detached: true });
    onTestFinished(() => endGroup(child));
    return child;
  };
  return {
    path,
    start,
    sh: (script) => watch(start(script)).ended,
    write: (name, text) => writeFile(join(path, name), text),
  };
}

/** Daemons are in sessions of their own, and not in the group. */
function endGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  process.kill(-pid, 'SIGKILL');
}

async function removeFolder(path: string): Promise<void> {
  const pids = await daemonPids(path);
  signal(pids, 'SIGTERM');
  await waitForEnd(pids, GENTLE_MS);
  for (const name of await readdir(path)) await unmount(join(path, name));
  await waitForEnd(pids, END_MS);
  signal(pids, 'SIGKILL');
  await rm(path, { recursive: true });
}

function signal(pids: readonly number[], name: 'SIGTERM' | 'SIGKILL'): void {
  for (const pid of pids.filter(isAlive)) process.kill(pid, name);
}

async function waitForEnd(pids: readonly number[], limitMs: number): Promise<void> {
  const lastMs = performance.now() + limitMs;
  while (pids.some(isAlive) && performance.now() < lastMs) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** One after the other, where several lie on top of each other. */
async function unmount(directory: string): Promise<void> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const count = mounts.split('\n').filter((line) => line.includes(` ${directory} `)).length;
  for (let taken = 0; taken < count; taken += 1) {
    await watch(spawn('fusermount', ['-uz', directory])).ended;
  }
}

/** Every daemon names itself in each line of its log. */
async function daemonPids(path: string): Promise<number[]> {
  const logs = join(path, 'state/klpfs');
  const names = existsSync(logs) ? await readdir(logs) : [];
  const texts = await Promise.all(names.map((name) => readFile(join(logs, name), 'utf8')));
  const pids = texts.flatMap((text) => [...text.matchAll(/"pid":(\d+)/g)]);
  return [...new Set(pids.map(([, pid]) => Number(pid)))];
}

/** Nobody may have fetched the status of a daemon that has ended. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\sZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
