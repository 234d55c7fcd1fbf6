/**
 * Clients that are killed, too many clients, mounts that are torn away and daemons that die: nobody
 * is left waiting in the kernel, and no mount is left that the next start does not take away.
 *
 * Each script ends when all of its clients have: one that hangs in the kernel would keep it.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findMount } from '../../mount/mountInfo.ts';
import { emptyDirectory, run, until } from '../support/clients.ts';
import { file, sleepThen, directory as tree } from '../support/memoryTree.ts';
import { compileDaemon, removeDaemon, startDaemon } from './daemon.ts';
import { mounted } from './mounted.ts';

let daemonFolder: string;
beforeAll(async () => {
  daemonFolder = await compileDaemon();
});
afterAll(() => removeDaemon(daemonFolder));

const CLIENTS = 64;

test(`${CLIENTS} clients that are killed in slow reads are gone, and others are served`, async () => {
  const slow = file('', { read: () => sleepThen(() => new Uint8Array(0)) });
  const { directory, sh, sleeping, bugs } = await mounted(tree({ slow, file: file('1\n') }));
  const script = `for i in {1..${CLIENTS}}; do head -c 1 $MNT/slow & done; wait; cat $MNT/file`;

  const storm = sh(script);
  await until(() => sleeping() === CLIENTS);
  await run('pkill', ['-KILL', '-f', `head -c 1 ${directory}/slow`]);

  expect((await storm).output).toBe('1\n');
  expect(sleeping()).toBe(0);
  expect(bugs).toEqual([]);
});

test(`a flood of ${CLIENTS} clients is answered to the last`, async () => {
  const { sh, bugs } = await mounted(tree({ file: file('1\n') }));
  const readFifty = 'for j in {1..50}; do read -r line < $MNT/file && echo $line; done';

  const { output, errors } = await sh(`for i in {1..${CLIENTS}}; do (${readFifty}) & done; wait`);

  expect(errors).toBe('');
  expect(output).toBe('1\n'.repeat(CLIENTS * 50));
  expect(bugs).toEqual([]);
});

test('a mount that is torn away under load lets go, and its clients end', async () => {
  const { directory, session, sh, bugs } = await mounted(tree({ file: file('1\n') }));
  const client = 'while read -r line < $MNT/file; do :; done';

  const clients = sh(`for i in {1..16}; do (${client}) & done; wait`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await run('umount', ['-l', directory]);

  expect(await session.closed).toBe('unmounted-by-others');
  await clients;
  expect(await findMount(directory)).toBeUndefined();
  expect(bugs).toEqual([]);
});

test('clients of a daemon that is killed end, and the next daemon takes its mount away', async () => {
  const directory = await emptyDirectory();
  const daemon = await startDaemon(daemonFolder, directory);
  const client = `while read -r line < ${directory}/file; do :; done`;

  const clients = run('bash', ['-c', `for i in {1..16}; do (${client}) & done; wait`]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  daemon.process.kill('SIGKILL');

  await clients;
  expect(await findMount(directory)).toBeDefined();
  const next = await startDaemon(daemonFolder, directory);
  expect(next.output()).toBe('mounted\n');
  expect((await run('cat', [`${directory}/file`])).output).toBe('1\n');
});
