/** What a command sees on a fresh machine of a release: it runs there, in `klpfs run`. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { text as readStream } from 'node:stream/consumers';
import type { Release } from '../abi/release.ts';
import { CommandError, DIFF_EXIT, errnoOf } from './commandError.ts';
import type { LogRecord } from './kernelLog.ts';
import { supervise } from './supervise.ts';

export interface Observation {
  readonly release: Release;
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  /** What the kernel logged meanwhile. */
  readonly log: readonly LogRecord[];
}

/**
 * Leaves the kernel log as it was before and after the command. What bash itself would say of a
 * command that a signal ends has a pid in it, and is left out.
 */
const SCRIPT = `
logs=$1; shift
klpfs dmesg --json > "$logs/before" || exit
exec {stderr}>&2 2> /dev/null
"$@" 2>&$stderr {stderr}>&-
status=$?
klpfs dmesg --json > "$logs/after"
exit $status`;

/** @throws CommandError if there is no machine for the command. */
export async function observe(
  release: Release,
  machineFile: string | undefined,
  command: readonly string[],
): Promise<Observation> {
  const logs = await mkdtemp(join(tmpdir(), 'klpfs-diff-'));
  try {
    const machine = machineFile === undefined ? [] : ['--machine', machineFile];
    const [, program = ''] = process.argv;
    const child = spawn(
      process.execPath,
      [
        ...[program, 'run', '--release', release, ...machine, '--'],
        ...['bash', '-c', SCRIPT, 'klpfs', logs, ...command],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const [exitCode, stdout, stderr] = await Promise.all([
      supervise(child),
      readStream(child.stdout),
      readStream(child.stderr),
    ]);
    const after = await readRecords(join(logs, 'after'));
    if (!after) throw noMachine(release, exitCode, stderr);
    const before = (await readRecords(join(logs, 'before')))?.at(-1)?.sequence ?? -1;
    const log = after.filter(({ sequence }) => sequence > before);
    return { release, stdout, stderr, exitCode, log };
  } finally {
    await rm(logs, { recursive: true });
  }
}

/** Undefined if it never came to that. */
async function readRecords(path: string): Promise<LogRecord[] | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function noMachine(release: Release, exitCode: number, stderr: string): CommandError {
  const reasons = stderr.split('\n').filter((line) => line !== '');
  return new CommandError(
    `the command could not run on Linux ${release}: klpfs run ended with ${exitCode}`,
    DIFF_EXIT.trouble,
    reasons,
  );
}
