/** Programs that a bench runs. Each has a process group of its own, so that all of it can be ended. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';

export const CLI = resolve(import.meta.dirname, '../../src/cli/main.js');
/** The sources, as opposed to what is built from them. */
export const SCRIPTS = resolve(import.meta.dirname, '../../../scripts');

/** Between a request to end and the end by force. */
const GRACE_MS = 3000;

/** Reading extra certificates costs each Node process more than klpfs does; not every host has them. */
const { NODE_EXTRA_CA_CERTS: _, ...ENVIRONMENT } = process.env;

const running = new Set<ChildProcess>();

export function start(
  command: string,
  args: readonly string[],
  stdio: NonNullable<SpawnOptions['stdio']>,
): ChildProcess {
  const child = spawn(command, args, { env: ENVIRONMENT, stdio, detached: true });
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

/** What the program prints. Throws unless it succeeds. */
export async function run(command: string, args: readonly string[]): Promise<string> {
  const child = start(command, args, ['ignore', 'pipe', 'inherit']);
  const closed = once(child, 'close');
  let output = '';
  for await (const chunk of child.stdout ?? []) output += chunk;
  await closed;
  if (child.exitCode !== 0) {
    const how = child.exitCode ?? child.signalCode;
    throw new Error(`${command} ${args.join(' ')}: ${how}`);
  }
  return output;
}

/** Milliseconds from its start to its end. Throws unless it succeeds. */
export async function timeMs(command: string, args: readonly string[]): Promise<number> {
  const before = performance.now();
  await run(command, args);
  return performance.now() - before;
}

/** Resolves when it has ended: by itself, or by force if that takes long. */
export async function awaitEnd(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return;
  const limit = new AbortController();
  const late = setTimeout(GRACE_MS, true, { signal: limit.signal }).catch(() => false);
  const ended = once(child, 'close').then(() => limit.abort());
  if (await late) signal(child, 'SIGKILL');
  await ended;
}

/** Ends everything that still runs. */
export async function endAll(): Promise<void> {
  const children = [...running];
  for (const child of children) signal(child, 'SIGTERM');
  await Promise.all(children.map(awaitEnd));
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!gone) throw error;
  }
}
