/** The life of a mount: who may end it, who keeps it busy, and what becomes of the daemon. */
import { spawn } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { findMount } from '../../mount/mountInfo.ts';
import { unmountDirectory } from '../../mount/unmount.ts';
import { emptyDirectory, run, until } from '../support/clients.ts';
import { file, directory as tree } from '../support/memoryTree.ts';
import { AS_NOBODY, withOpenDevice } from '../support/unprivileged.ts';
import { compileDaemon, removeDaemon, startDaemon } from './daemon.ts';
import { mounted } from './mounted.ts';

let daemonFolder: string;
beforeAll(async () => {
  daemonFolder = await compileDaemon();
});
afterAll(() => removeDaemon(daemonFolder));

/** A client that stays until it is told to go. Spawning it with a cwd in the mount would deadlock. */
function stay(script: string) {
  const child = spawn('bash', ['-c', `${script}\nread`]);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

test('after an unmount the directory is free, and the session closed', async () => {
  const { directory, session } = await mounted(tree());

  let reason: string | undefined;
  session.closed.then((closed) => {
    reason = closed;
  });

  await session.unmount('plain');

  expect(reason).toBe('unmounted');
  expect(await findMount(directory)).toBeUndefined();
  await expect(session.unmount('plain')).rejects.toMatchObject({ problem: 'not-mounted' });
});

test.each(['umount', 'fusermount -u', 'fusermount -uz'])('%s is noticed', async (command) => {
  const { session, sh } = await mounted(tree());

  const startMs = performance.now();
  expect((await sh(`${command} $MNT`)).errors).toBe('');

  expect(await session.closed).toBe('unmounted-by-others');
  expect(performance.now() - startMs).toBeLessThan(1000);
});

test('a busy mount is not unmounted, and whoever holds it is named', async () => {
  const { directory, session } = await mounted(tree({ file: file('1\n') }));
  const stander = stay(`cd ${directory}`);
  const reader = stay(`exec 7< ${directory}/file`);
  const busy = () => session.unmount('plain').catch(({ message }) => message);

  await until(async () => /cwd.*fd\/7/.test(await busy()));
  expect(await busy()).toBe(
    [`${directory} is busy: bash (pid ${stander.pid}, cwd)`, `bash (pid ${reader.pid}, fd/7)`].join(
      ', ',
    ),
  );
  await expect(session.unmount('plain')).rejects.toMatchObject({ problem: 'busy', exitCode: 32 });

  const left = [stander, reader].map((child) => new Promise((gone) => child.on('close', gone)));
  stander.kill('SIGKILL');
  reader.kill('SIGKILL');
  await Promise.all(left);
  await session.unmount('plain');
  expect(await session.closed).toBe('unmounted');
});

test('after a lazy unmount open files go on, and the last one closes the session', async () => {
  const { directory, session } = await mounted(tree({ file: file('still here\n') }));
  const reader = spawn('bash', ['-c', `exec 7< ${directory}/file; echo; read; cat <&7`]);
  let output = '';
  reader.stdout.on('data', (data) => {
    output += data;
  });
  await until(() => output === '\n');
  let closed = false;
  session.closed.then(() => {
    closed = true;
  });

  await session.unmount('lazy');
  expect((await run('ls', [directory])).output).toBe('');
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(closed).toBe(false);

  reader.stdin.end('\n');
  expect(await session.closed).toBe('unmounted');
  expect(output).toBe('\nstill here\n');
});

test('one process may serve several mounts, and each ends by itself', async () => {
  const first = await mounted(tree({ file: file('first\n') }));
  const second = await mounted(tree({ file: file('second\n') }));

  expect((await first.sh('cat $MNT/file')).output).toBe('first\n');
  await first.session.unmount('plain');
  expect((await second.sh('cat $MNT/file')).output).toBe('second\n');
  await second.session.unmount('plain');
});

test('a daemon ends by itself when it is unmounted', async () => {
  const directory = await emptyDirectory();
  const daemon = await startDaemon(daemonFolder, directory);

  await unmountDirectory(directory, 'plain');

  expect(await daemon.ended).toBe(0);
  expect(daemon.output()).toBe('mounted\nunmounted-by-others\n');
});

test('a daemon ends by itself when it unmounts', async () => {
  const directory = await emptyDirectory();
  const daemon = await startDaemon(daemonFolder, directory);

  daemon.process.kill('SIGTERM');

  expect(await daemon.ended).toBe(0);
  expect(daemon.output()).toBe('mounted\nunmounted\n');
});

test('a user who is not root mounts, uses and unmounts a directory of his own', async () => {
  const directory = await emptyDirectory();
  await chown(directory, 65534, 65534);
  const prefix = [...withOpenDevice(daemonFolder), ...AS_NOBODY];
  const daemon = await startDaemon(daemonFolder, directory, prefix);
  expect(daemon.output()).toBe('mounted\n');
  const inside = ['-t', String(daemon.process.pid), '--mount'];
  const mounts = await run('nsenter', [...inside, 'cat', '/proc/self/mountinfo']);
  expect(mounts.output).toMatch(new RegExp(`${directory} .* fuse.klpfs klpfs .*user_id=65534`));

  const his = await run('nsenter', [...inside, ...AS_NOBODY, 'cat', `${directory}/file`]);
  expect(his).toEqual({ status: 0, output: '1\n', errors: '' });
  const roots = await run('nsenter', [...inside, 'cat', `${directory}/file`]);
  expect(roots.errors).toMatch(/Permission denied/);

  daemon.process.kill('SIGTERM');
  expect(await daemon.ended).toBe(0);
  expect(daemon.output()).toBe('mounted\nunmounted\n');
});
