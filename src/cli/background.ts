/** Starts a daemon that outlives this process, and waits until its mount answers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { CommandError } from './commandError.ts';
import type { Failure } from './failure.ts';
import { openLogFile } from './logFile.ts';

/** What a daemon tells the one who started it, once. */
export type Report =
  | { readonly kind: 'mounted'; readonly directory: string }
  | ({ readonly kind: 'failed' } & Failure);

const MOUNT_FAILURE = 32;
/** Between a request to end and the end by force. */
const GRACE_MS = 2000;

/** `args`: those of `klpfs mount`, to be run in the foreground of a session of its own. */
export function spawnDaemon(args: readonly string[], logFile: string): ChildProcess {
  const log = openLogFile(logFile);
  const [, script = ''] = process.argv;
  const command = [...process.execArgv, script, 'mount', '--foreground', '--log-file', logFile];
  const daemon = spawn(process.execPath, [...command, ...args], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  return daemon;
}

/** The daemon's report. Ends the daemon, and throws, when none comes in time. */
export async function awaitReport(daemon: ChildProcess, limitMs: number): Promise<Report> {
  const limit = new AbortController();
  const report = await Promise.race([
    receiveReport(daemon).then(answered),
    setTimeout(limitMs, undefined, { signal: limit.signal }).catch(() => undefined),
  ]);
  limit.abort();
  if (report) {
    if (daemon.connected) daemon.disconnect();
    daemon.unref();
    return report;
  }
  await endDaemon(daemon);
  throw new CommandError(`the mount did not answer within ${limitMs / 1000} s`, MOUNT_FAILURE);
}

function receiveReport(daemon: ChildProcess): Promise<Report> {
  return new Promise((resolve, reject) => {
    daemon.once('message', (message) => resolve(message as Report));
    daemon.once('error', reject);
    daemon.once('exit', (status, signal) => {
      const how = signal ?? `exit code ${status}`;
      reject(new CommandError(`the daemon ended before the mount answered: ${how}`, MOUNT_FAILURE));
    });
  });
}

/** The mount is there for others when it is there for us. */
async function answered(report: Report): Promise<Report> {
  if (report.kind === 'mounted') await stat(join(report.directory, 'control'));
  return report;
}

async function endDaemon(daemon: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGTERM');
  const grace = new AbortController();
  const isOver = setTimeout(GRACE_MS, 'over', { signal: grace.signal }).catch(() => 'ended');
  if ((await Promise.race([ended, isOver])) === 'over') daemon.kill('SIGKILL');
  grace.abort();
}
