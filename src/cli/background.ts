/** Starts a daemon that outlives this process, and waits until its mount answers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { CommandError, MOUNT_EXIT } from './commandError.ts';
import type { Failure } from './failure.ts';
import { openLogFile } from './logFile.ts';

/** What a daemon tells the one who started it, once. */
export type Report =
  | { readonly kind: 'mounted'; readonly directory: string }
  | ({ readonly kind: 'failed' } & Failure);

/** The first that is no standard file. */
const FIRST_FD = 3;
/** Source: include/uapi/asm-generic/fcntl.h. */
const O_CLOEXEC = 0o2000000;
/**
 * V8 would let its young generation grow to 16 MB when a daemon has been busy for a while, and
 * requests leave nothing behind that needs it. Measured: the same speed, and memory that stays flat.
 */
export const DAEMON_NODE_OPTIONS = ['--max-semi-space-size=4'];
/** Between a request to end and the end by force. */
const GRACE_MS = 2000;

/** How a daemon is to be started. */
export interface DaemonStart {
  /** Those of `klpfs mount`, to be run in the foreground of a session of its own. */
  readonly args: readonly string[];
  readonly logFile: string;
  /** What it reads from its standard input. */
  readonly input: string | undefined;
  /** A descriptor that it has under the same number. */
  readonly fd: number | undefined;
}

export function spawnDaemon({ args, logFile, input, fd }: DaemonStart): ChildProcess {
  const log = openLogFile(logFile);
  const [, script = ''] = process.argv;
  const node = [...process.execArgv, ...DAEMON_NODE_OPTIONS];
  const command = [...node, script, 'mount', '--foreground', '--log-file', logFile];
  const stdin = input === undefined ? 'ignore' : 'pipe';
  const daemon = spawn(process.execPath, [...command, ...args], {
    detached: true,
    env: withoutCertificates(process.env),
    stdio: [stdin, log, log, ...passOn(fd, hideInherited(FIRST_FD, log))],
  });
  closeSync(log);
  daemon.stdin?.end(input);
  return daemon;
}

/** The first place that is not the descriptor's is that of our talk with the daemon. */
function passOn(fd: number | undefined, hidden: readonly Inherited[]): (Inherited | 'ipc')[] {
  const length = Math.max(hidden.length, (fd ?? 0) + 1 - FIRST_FD, 2);
  const ipc = fd === FIRST_FD ? 1 : 0;
  return Array.from({ length }, (_, index) => {
    if (index === ipc) return 'ipc';
    return index + FIRST_FD === fd ? fd : (hidden[index] ?? 'ignore');
  });
}

type Inherited = 'ignore' | number;

/** Node would read them before anything else, and a daemon talks to nobody. */
function withoutCertificates(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = env;
  return rest;
}

/**
 * Descriptors that a child would inherit are hidden behind another: whoever waits for the end of a
 * pipe must not wait for the daemon. Node itself sees to those up to 15 when it starts.
 */
function hideInherited(first: number, substitute: number): Inherited[] {
  const inherited = readdirSync('/proc/self/fd').map(Number).filter(isInherited);
  const length = Math.max(0, Math.max(...inherited) + 1 - first);
  return Array.from({ length }, (_, index) =>
    inherited.includes(first + index) ? substitute : 'ignore',
  );
}

function isInherited(fd: number): boolean {
  try {
    const [, flags = ''] =
      /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
    return (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false;
  }
}

/** The daemon's report. Ends the daemon, and throws, when none comes in time. */
export async function awaitReport(daemon: ChildProcess, limitMs: number): Promise<Report> {
  const report = await before(limitMs, receiveReport(daemon).then(answered));
  if (report) {
    if (daemon.connected) daemon.disconnect();
    daemon.unref();
    return report;
  }
  daemon.kill('SIGTERM');
  const ended = new Promise((resolve) => daemon.once('exit', () => resolve(true)));
  if (!(await before(GRACE_MS, ended))) daemon.kill('SIGKILL');
  throw new CommandError(`the mount did not answer within ${limitMs / 1000} s`, MOUNT_EXIT.failure);
}

/** What a promise comes to; undefined if it takes longer. */
async function before<T>(limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  const limit = new AbortController();
  const over = setTimeout(limitMs, undefined, { signal: limit.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, over]);
  } finally {
    limit.abort();
  }
}

function receiveReport(daemon: ChildProcess): Promise<Report> {
  return new Promise((resolve, reject) => {
    daemon.once('message', (message) => resolve(message as Report));
    daemon.once('error', reject);
    daemon.once('exit', (status, signal) => {
      const how = signal ?? `exit code ${status}`;
      reject(
        new CommandError(`the daemon ended before the mount answered: ${how}`, MOUNT_EXIT.failure),
      );
    });
  });
}

/** The mount is there for others when it is there for us. */
async function answered(report: Report): Promise<Report> {
  if (report.kind === 'mounted') await stat(join(report.directory, 'control'));
  return report;
}
