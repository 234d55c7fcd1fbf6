/** However a bench ends, nothing of it stays mounted, running, or on the disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readMounts } from '../../mount/mountInfo.ts';

const BENCH = resolve(import.meta.dirname, '../../dist/scripts/bench/main.js');
const TMPDIR = realpathSync(mkdtempSync(join(tmpdir(), 'klpfs-interrupt-')));
afterAll(() => rmSync(TMPDIR, { recursive: true }));

async function mountsHere(): Promise<string[]> {
  const mounts = await readMounts();
  return mounts.map(({ directory }) => directory).filter((path) => path.startsWith(TMPDIR));
}

/** Servers and clients name a path of the bench in their arguments. */
function processesHere(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(commandLine).filter((line) => line.includes(TMPDIR));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

test.each<[signal: NodeJS.Signals, status: number]>([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])('%s ends it while clients are at work', async (signal, status) => {
  const env = { ...process.env, TMPDIR };
  const bench = spawn(process.execPath, [BENCH, '--only', 'transitions'], { env, stdio: 'ignore' });
  await expect.poll(() => processesHere().join('\n'), { timeout: 20_000 }).toContain('probe');
  expect(await mountsHere()).toHaveLength(1);
  bench.kill(signal);
  expect(await once(bench, 'exit')).toEqual([status, null]);
  expect(await mountsHere()).toEqual([]);
  expect(processesHere()).toEqual([]);
  expect(readdirSync(TMPDIR)).toEqual([]);
});
