/** What is read by libuv's threads, where Node does not let us use epoll. */
import { expect, onTestFinished, test } from 'vitest';
import { mountByMount } from '../../mount/devfuse/byMount.ts';
import { epollReader } from '../../mount/devfuse/epollReader.ts';
import { poolReader } from '../../mount/devfuse/poolReader.ts';
import { serve } from '../../mount/devfuse/transport.ts';
import { FileSystem } from '../../mount/fileSystem.ts';
import { emptyDirectory, run, until } from '../support/clients.ts';
import { file, memoryRun, sleepThen, directory as tree } from '../support/memoryTree.ts';

async function mountedByPool(entries: Parameters<typeof tree>[0]) {
  const directory = await emptyDirectory();
  const bugs: unknown[] = [];
  const { run: runContext, sleeping } = memoryRun();
  const fileSystem = new FileSystem(tree(entries), runContext, (error) => bugs.push(error));
  const fd = await mountByMount(directory, { allowOther: false });
  const { ended } = serve(fd, fileSystem, poolReader);
  const unmount = () => run('umount', ['-l', directory]);
  onTestFinished(async () => {
    await unmount();
    await ended;
  });
  return { directory, bugs, sleeping, ended, unmount };
}

test('Node lets us use epoll here: the other way is for those that do not', () => {
  expect(epollReader()).toBeDefined();
});

test('files are read and written, and names refused', async () => {
  const { directory, bugs } = await mountedByPool({ file: file('1\n') });

  const script = `cat ${directory}/file; echo 2 > ${directory}/file; cat ${directory}/file; mkdir ${directory}/x`;
  const { output, errors } = await run('bash', ['-c', script]);

  expect(output).toBe('1\n2\n');
  expect(errors).toContain('Operation not permitted');
  expect(bugs).toEqual([]);
});

test('a client that waits can be killed while others are served', async () => {
  const slow = file('', { read: () => sleepThen(() => new Uint8Array(0)) });
  const { directory, sleeping } = await mountedByPool({ slow, file: file('1\n') });

  const client = run('bash', [
    '-c',
    `head -c 1 ${directory}/slow & sleep 0.3; kill -9 $!; wait $!`,
  ]);
  await until(() => sleeping() === 1);
  expect((await run('cat', [`${directory}/file`])).output).toBe('1\n');

  expect((await client).status).toBe(128 + 9);
});

test('the end of the mount is noticed', async () => {
  const { unmount, ended, bugs } = await mountedByPool({});

  await unmount();

  await ended;
  expect(bugs).toEqual([]);
});
