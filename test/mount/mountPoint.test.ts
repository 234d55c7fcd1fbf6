/** What can be mounted on, what cannot, and what a daemon that has died leaves behind. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileSystem } from '../../mount/fileSystem.ts';
import { MountError } from '../../mount/mountError.ts';
import { findMount, listKlpfsMounts, parseMountInfo } from '../../mount/mountInfo.ts';
import { mount } from '../../mount/session.ts';
import { emptyDirectory, run, until } from '../support/clients.ts';
import { memoryRun, directory as tree } from '../support/memoryTree.ts';
import { TRANSPORT } from '../support/transport.ts';
import { compileDaemon, removeDaemon, startDaemon } from './daemon.ts';
import { mounted } from './mounted.ts';

let daemonFolder: string;
beforeAll(async () => {
  daemonFolder = await compileDaemon();
});
afterAll(() => removeDaemon(daemonFolder));

async function tryToMount(path: string) {
  const fileSystem = new FileSystem(tree(), memoryRun().run, () => {});
  try {
    const session = await mount(path, fileSystem, { transport: TRANSPORT, allowOther: false });
    await session.unmount('plain');
    return { problem: 'none', exitCode: 0, message: '', recovered: session.recovered };
  } catch (error) {
    if (!(error instanceof MountError)) throw error;
    const { problem, exitCode, message } = error;
    return { problem, exitCode, message, recovered: false };
  }
}

test.each([
  ['missing', 'missing-directory', 'does not exist'],
  ['file', 'not-a-directory', 'is not a directory'],
  ['file/below', 'not-a-directory', 'is not a directory'],
  ['full', 'not-empty', 'is not empty'],
])('%s cannot be mounted on', async (name, problem, reason) => {
  const folder = await emptyDirectory();
  await writeFile(join(folder, 'file'), '');
  await mkdir(join(folder, 'full/inner'), { recursive: true });

  const path = join(folder, name);
  expect(await tryToMount(path)).toMatchObject({
    problem,
    exitCode: 32,
    message: `${path} ${reason}`,
  });
});

test('a machine is already mounted there', async () => {
  const { directory, sh } = await mounted(tree());

  expect(await tryToMount(directory)).toMatchObject({
    problem: 'already-mounted',
    exitCode: 32,
    message: `a machine is already mounted on ${directory}`,
  });
  expect((await sh('stat -c %F $MNT')).output).toBe('directory\n');
});

test('something else is already mounted there', async () => {
  expect((await tryToMount('/proc')).message).toBe(
    'something else (proc, proc) is already mounted on /proc',
  );
});

/** In a mount namespace of its own, with a /dev that has only what Node needs. */
const WITHOUT_DEVICE = [
  'unshare',
  '--mount',
  'bash',
  '-c',
  `mount -t tmpfs none /mnt && touch /mnt/null /mnt/urandom &&
   mount --bind /dev/null /mnt/null && mount --bind /dev/urandom /mnt/urandom &&
   mount --rbind /mnt /dev && exec "$@"`,
  'bash',
];

test.each([
  ['/dev/fuse', WITHOUT_DEVICE, '/dev/fuse is missing: modprobe fuse'],
  ['fusermount', ['env', 'PATH=/nonexistent'], 'fusermount is missing: apt-get install fuse3'],
])('a system without %s is told what to do', async (_name, prefix, advice) => {
  const daemon = await startDaemon(daemonFolder, await emptyDirectory(), prefix);

  expect(await daemon.ended).toBe(2);
  expect(daemon.output()).toContain(advice);
});

test('a symlink to an empty directory, and a name with blanks, will do', async () => {
  const folder = await emptyDirectory();
  const real = join(folder, 'a b\\c#ü\n');
  await mkdir(real);
  const link = join(folder, 'link');
  await symlink(real, link);

  expect(await tryToMount(link)).toMatchObject({ problem: 'none', recovered: false });
});

test('the mount that a killed daemon has left is taken away', async () => {
  const directory = await emptyDirectory();
  const daemon = await startDaemon(daemonFolder, directory);
  expect(daemon.output()).toBe('mounted\n');
  daemon.process.kill('SIGKILL');
  await daemon.ended;
  expect((await run('ls', [directory])).errors).toMatch(/Transport endpoint is not connected/);
  expect((await findMount(directory))?.type).toBe('fuse.klpfs');

  expect(await tryToMount(directory)).toMatchObject({ problem: 'none', recovered: true });
  expect(await findMount(directory)).toBeUndefined();
});

test('a directory inside a dead mount is not ours to clear', async () => {
  const directory = await emptyDirectory();
  const daemon = await startDaemon(daemonFolder, directory);
  daemon.process.kill('SIGKILL');
  await daemon.ended;

  expect(await tryToMount(join(directory, 'inner'))).toMatchObject({ exitCode: 32 });
  expect((await findMount(directory))?.type).toBe('fuse.klpfs');
});

test('mounts are listed, and are of type fuse.klpfs', async () => {
  const { directory, session } = await mounted(tree());

  const listed = await listKlpfsMounts();
  expect(listed.find((entry) => entry.directory === directory)).toMatchObject({
    type: 'fuse.klpfs',
    source: 'klpfs',
  });
  await session.unmount('plain');
  await until(async () => (await findMount(directory)) === undefined);
});

test('mountinfo is parsed with optional fields and octal escapes', () => {
  const text = [
    '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue',
    '42 27 0:39 / /tmp/a\\040b\\134c\\011\\012\\043ü rw,nosuid - fuse.klpfs klpfs rw,user_id=0',
    '',
  ].join('\n');

  expect(parseMountInfo(text)).toEqual([
    { id: 36, device: '98:0', directory: '/mnt2', type: 'ext3', source: '/dev/root' },
    { id: 42, device: '0:39', directory: '/tmp/a b\\c\t\n#ü', type: 'fuse.klpfs', source: 'klpfs' },
  ]);
});
