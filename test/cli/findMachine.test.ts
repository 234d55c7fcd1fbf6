/** Which machine a command is about. */
import { expect, test } from 'vitest';
import { type Condition, chooseMachine } from '../../src/cli/findMachine.ts';
import { createFolder, startMachine } from './klpfs.ts';

type Mounts = Record<string, Condition>;
const NONE: Mounts = {};
const ONE: Mounts = { '/a': 'live' };
const TWO: Mounts = { '/a': 'live', '/b': 'live' };

// biome-ignore format: the columns are the point
test.each<[named: string, cwd: string, Mounts, expected: string]>([
  // named   cwd       mounts                                 expected
  ['',       '/',      NONE,                                  'no machine is mounted'],
  ['',       '/',      ONE,                                   '/a'],
  ['',       '/',      TWO,                                   '2 machines are mounted: /a, /b; choose'],
  ['',       '/b',     TWO,                                   '/b'],
  ['',       '/b/sys', TWO,                                   '/b'],
  ['',       '/bb',    TWO,                                   '2 machines are mounted'],
  ['/b',     '/a',     TWO,                                   '/b'],
  ['/b/sys', '/a',     TWO,                                   '/b'],
  ['/c',     '/a',     TWO,                                   '/c is no klpfs mount'],
  ['/b/in',  '/',      { '/b': 'live', '/b/in': 'live' },     '/b/in'],
  ['/b',     '/',      { '/a': 'live', '/b': 'dead' },        'the machine on /b has died; `klpfs mount /b`'],
  ['',       '/',      { '/a': 'live', '/b': 'dead' },        '/a'],
  ['',       '/b',     { '/a': 'live', '/b': 'dead' },        'the machine on /b has died'],
  ['',       '/',      { '/b': 'dead' },                      'the machine on /b has died'],
  ['',       '/',      { '/a': 'part', '/b': 'live' },        '/b'],
  ['',       '/a',     { '/a': 'part', '/b': 'live' },        '/b'],
  ['/a',     '/',      { '/a': 'part', '/b': 'live' },        '/a shows a part of a machine only'],
  ['',       '/',      { '/a': 'forbidden', '/b': 'live' },   '/b'],
  ['',       '/',      { '/a': 'forbidden' },                 "the machine on /a is somebody else's"],
])('named %j, standing in %s, mounts %j: %s', (named, cwd, mounts, expected) => {
  const choose = () =>
    chooseMachine(
      {
        named: named === '' ? undefined : { path: named, by: '--mount' },
        currentDirectory: cwd,
        mounts: Object.keys(mounts),
      },
      (directory) => mounts[directory] ?? 'part',
    );

  if (expected.startsWith('/') && !expected.includes(' ')) expect(choose()).toBe(expected);
  else expect(choose).toThrow(expected);
});

/** A mount namespace in which only the machines that a script mounts are there. */
function alone(script: string): string {
  return `unshare -m bash -c '
    while read -r _ _ _ _ at _; do umount -l "$at"; done < <(grep " fuse.klpfs " /proc/self/mountinfo)
    ${script}'`;
}

test('without a machine, every command that needs one says how to start one', async () => {
  const { sh } = await createFolder();
  const names = ['ps', 'lsmod', 'status', 'dmesg', 'umount', 'insmod x', 'rmmod x', 'wait x'];
  const commands = [...names, 'wake 1', 'clock advance 1s'];

  const { output } = await sh(
    alone(`for command in ${commands.map((name) => `"${name}"`).join(' ')}; do
      klpfs $command 2>&1; echo $?
    done`),
  );

  const spoken = commands.map((name) => name.replace(/ (x|1|1s)$/, ''));
  expect(output.trim().split('\n')).toEqual(
    spoken.flatMap((name) => [
      `klpfs ${name}: no machine is mounted; \`klpfs mount DIR\` starts one`,
      name === 'umount' ? '32' : '1',
    ]),
  );
});

test('the only machine is found, of two the one that is named or stood in', async () => {
  const { path, sh } = await createFolder();

  const { output, errors } = await sh(
    alone(`
      mkdir a b; klpfs mount a; klpfs status | head -1
      klpfs mount b; klpfs status; echo $?
      klpfs status --mount a | head -1; KLPFS_MOUNT=b klpfs status | head -1
      (cd b/sys/kernel; klpfs status | head -1)
      klpfs umount a; klpfs umount b`),
  );

  expect(errors).toBe(
    `klpfs status: 2 machines are mounted: ${path}/a, ${path}/b; choose one with --mount DIR or KLPFS_MOUNT\n`,
  );
  const [a, b] = [`machine on ${path}/a`, `machine on ${path}/b`];
  expect(output.trim().split('\n')).toEqual([a, '1', a, b, b]);
});

test.each([
  ['klpfs ps --mount $T', '$T is no klpfs mount'],
  ['KLPFS_MOUNT=$T klpfs ps', '$T, which KLPFS_MOUNT names, is no klpfs mount'],
  ['klpfs ps --mount nowhere', 'nowhere: No such file or directory'],
])('%s: %s', async (command, message) => {
  const { path, sh } = await createFolder();

  expect(await sh(command)).toEqual({
    status: 1,
    output: '',
    errors: `klpfs ps: ${message.replace('$T', path)}\n`,
  });
});

test('a machine that has died is called dead, until the next one is mounted', async () => {
  const { mount, sh } = await startMachine();
  const kill = 'kill -9 $(grep -o \'"pid":[0-9]*\' state/klpfs/*.log | head -1 | cut -d: -f2)';

  const { output, errors } = await sh(`
    ${kill}; sleep 0.2
    klpfs ps; echo $?; (cd /; KLPFS_MOUNT= klpfs ps --mount $M); echo $?
    klpfs mount mnt; echo $?; klpfs status | head -1`);

  const died = `klpfs ps: the machine on ${mount} has died; \`klpfs mount ${mount}\` starts a new one`;
  expect(errors.trim().split('\n')).toEqual([died, died]);
  expect(output.trim().split('\n')).toEqual(['1', '1', '0', `machine on ${mount}`]);
});

test('a machine that has died is none to choose from, whatever the kernel remembers of it', async () => {
  const { path, sh, write } = await startMachine();
  // Where no machines are seen but those of this test.
  await write(
    'script',
    `cut -d ' ' -f 5 /proc/self/mountinfo | grep klpfs | grep -v "^$T/" | xargs -r -n 1 umount -l
     mkdir other; klpfs mount other
     stat mnt/control/machine > seen; kill -9 $(grep -ho '"pid":[0-9]*' state/klpfs/*-mnt.log | head -1 | cut -d: -f2)
     while ls mnt > seen 2>&1; do sleep 0.05; done
     unset KLPFS_MOUNT; klpfs status | head -1; klpfs umount other`,
  );

  expect(await sh('unshare -m bash script')).toEqual({
    status: 0,
    output: `machine on ${path}/other\n`,
    errors: '',
  });
});

test('a machine is found from a directory of it that has been removed', async () => {
  const { sh } = await startMachine('--release 6.1');

  const ended = await sh(`
    klpfs insmod livepatch-sample && klpfs wait livepatch_sample
    cd $M/sys/kernel/livepatch/livepatch_sample && unset KLPFS_MOUNT
    echo 0 > enabled; klpfs wait livepatch_sample && klpfs rmmod livepatch_sample
    cd /`);

  expect(ended).toEqual({ status: 0, output: '', errors: '' });
});
