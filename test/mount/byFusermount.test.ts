/** The few lines of Python that connect our device to what fusermount3 has mounted. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { FUSE_DEV_IOC_CLONE, RECEIVER } from '../../mount/devfuse/byFusermount.ts';
import { findMount } from '../../mount/mountInfo.ts';
import { assert } from '../../src/abi/errno.ts';
import { emptyDirectory } from '../support/clients.ts';

function open(path: string): number {
  const fd = openSync(path, 'r+');
  onTestFinished(() => closeSync(fd));
  return fd;
}

async function receive(fd: number, directory: string) {
  const args = ['3', String(FUSE_DEV_IOC_CLONE), 'fsname=klpfs,subtype=klpfs', directory];
  const child = spawn('python3', ['-I', '-S', '-c', RECEIVER, ...args], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  assert(child.stderr, 'stderr is a pipe');
  const errors = await text(child.stderr);
  return { status: await ended, errors };
}

/** What a device says to a message that is too short. Source: fs/fuse/dev.c:fuse_dev_write(). */
function answerOf(fd: number): string {
  try {
    return String(writeSync(fd, '\0'));
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : '';
  }
}

test('a device is connected when Python has gone, and the mount with it', async () => {
  const directory = await emptyDirectory();
  const device = open('/dev/fuse');
  expect(answerOf(device)).toBe('EPERM');

  expect(await receive(device, directory)).toEqual({ status: 0, errors: '' });

  expect(answerOf(device)).toBe('EINVAL');
  expect(await findMount(directory)).toMatchObject({ type: 'fuse.klpfs', source: 'klpfs' });
});

test('what the device cannot join is unmounted', async () => {
  const directory = await emptyDirectory();

  expect(await receive(open('/dev/null'), directory)).toEqual({
    status: 1,
    errors: 'the device cannot join the mount: Inappropriate ioctl for device\n',
  });

  expect(await findMount(directory)).toBeUndefined();
});

test('it is told why fusermount3 refuses', async () => {
  const directory = join(await emptyDirectory(), 'missing');

  const { status, errors } = await receive(open('/dev/fuse'), directory);

  expect(status).toBe(1);
  expect(errors).toMatch(/^fusermount3: .*missing: No such file or directory\n$/);
});
