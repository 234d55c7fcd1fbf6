/** Mounts that another process serves, so that it can be killed, or be somebody else's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { run, until } from '../support/clients.ts';
import { TRANSPORT_CHOICE } from '../support/transport.ts';

const PROJECT = resolve(import.meta.dirname, '../..');

/** A daemon in a process of its own. */
export interface Daemon {
  readonly process: ChildProcess;
  /** What it has said until now. */
  readonly output: () => string;
  /** Resolves when it has ended, with its exit code. */
  readonly ended: Promise<number | null>;
}

/** Compiles `trialDaemon.ts`, since Node 20 runs no TypeScript. The folder is anybody's to read. */
export async function compileDaemon(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'klpfs-daemon-'));
  await chmod(folder, 0o755);
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const compilerOptions = {
    types: ['node'],
    noEmit: false,
    rootDir: PROJECT,
    outDir: join(folder, 'out'),
  };
  const files = [join(PROJECT, 'test/mount/trialDaemon.ts')];
  const config = { extends: join(PROJECT, 'tsconfig.base.json'), compilerOptions, files };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await mkdir(compilerOptions.outDir);
  const { status, output } = await run(join(PROJECT, 'node_modules/.bin/tsc'), ['-p', folder]);
  if (status !== 0) throw new Error(output);
  return folder;
}

/** Removes what `compileDaemon` made. */
export async function removeDaemon(folder: string): Promise<void> {
  await rm(folder, { recursive: true });
}

/** Starts the daemon of a folder on a directory, by a command in front of it if there is one. */
export async function startDaemon(
  folder: string,
  directory: string,
  prefix: readonly string[] = [],
): Promise<Daemon> {
  const script = join(folder, 'out/test/mount/trialDaemon.js');
  const [program = '', ...args] = [
    ...prefix,
    process.execPath,
    script,
    directory,
    TRANSPORT_CHOICE,
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  await until(() => output.includes('\n') || child.exitCode !== null);
  return { process: child, output: () => output, ended };
}
