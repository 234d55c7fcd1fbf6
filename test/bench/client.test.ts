/** The measuring client counts what it does, does what it says, and does not hide failures. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClientResult } from '../../scripts/bench/client.ts';

const SOURCE = resolve(import.meta.dirname, '../../scripts/peers/client.c');
const exec = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), 'klpfs-client-'));
const client = join(scratch, 'client');
const file = join(scratch, 'file');

beforeAll(async () => {
  await exec('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-std=gnu11', SOURCE, '-o', client]);
});
afterAll(() => rmSync(scratch, { recursive: true }));

async function measure(...args: string[]): Promise<ClientResult> {
  writeFileSync(file, '1\n');
  const { stdout } = await exec(client, args);
  return JSON.parse(stdout);
}

test.each(['pread', 'orc', 'stat', 'write', 'toggle', 'probe'])('%s is counted', async (name) => {
  const result = await measure(name, file, '-n', '4', '-c', '40');
  expect(result.operations).toBe(40);
  expect(result.p50Us).toBeGreaterThan(0);
  expect(result.p99Us).toBeGreaterThanOrEqual(result.p50Us);
  // A bucket is less than one percent wide.
  expect(result.maxUs * 1.01).toBeGreaterThanOrEqual(result.p99Us);
});

test.each<[operation: string, count: string, left: string]>([
  ['pread', '3', '1\n'],
  ['write', '1', '0\n'],
  ['toggle', '1', '0\n'],
  ['toggle', '2', '1\n'],
])('%s, %s times, leaves %j', async (operation, count, left) => {
  await measure(operation, file, '-c', count);
  expect(readFileSync(file, 'utf8')).toBe(left);
});

test('it goes on for the time that is given, by as many as are asked for', async () => {
  const { operations, perSecond } = await measure('probe', file, '-n', '2', '-t', '300');
  // A millisecond apart, so that two clients have done less than 600.
  expect(operations).toBeGreaterThan(20);
  expect(operations).toBeLessThanOrEqual(600);
  expect(operations / perSecond).toBeGreaterThan(0.25);
});

test('the cpu time is that of the process that is named', async () => {
  const busy = await measure('pread', file, '-t', '200', '-s', String(process.pid));
  expect(busy.cpuUs).toBeLessThan(busy.p50Us * 100);
  const nobody = await measure('pread', file, '-t', '50');
  expect(nobody.cpuUs).toBe(0);
});

test.each<[what: string, args: string[], status: number]>([
  ['a file that is not there', ['pread', join(scratch, 'nothing'), '-n', '3'], 1],
  ['a directory', ['pread', scratch], 1],
  ['an operation that there is not', ['nothing', file], 2],
  ['no file', ['pread'], 2],
  ['no clients', ['pread', file, '-n', '0'], 2],
  ['a process that there is not', ['pread', file, '-s', '99999999'], 1],
])('%s is a failure', async (_what, args, status) => {
  await expect(exec(client, args)).rejects.toMatchObject({ code: status });
});
