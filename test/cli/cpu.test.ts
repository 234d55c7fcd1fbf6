/** `klpfs cpu`. */
import { expect, test } from 'vitest';
import { startMachine } from './klpfs.ts';

const MACHINE = `
cpus: 3
clock: manual
tasks: [{comm: hog, pid: 4243, cpu: 1, program: [{user: 3600s}]}]
`;

async function startBusy(options = '') {
  const machine = await startMachine(`--machine m.yaml ${options}`, { 'm.yaml': MACHINE });
  await machine.sh('klpfs clock advance 1s');
  return machine;
}

test('cpus go, come, and show what they run', async () => {
  const { sh } = await startBusy();

  expect(await sh('klpfs cpu; klpfs cpu 2 off; klpfs cpu; klpfs cpu 1 off; klpfs cpu')).toEqual({
    status: 0,
    output: `\
CPU  STATE   RUNS
0    online  idle
1    online  hog (4243)
2    online  idle
CPU  STATE    RUNS
0    online   idle
1    online   hog (4243)
2    offline  -
CPU  STATE    RUNS
0    online   hog (4243)
1    offline  -
2    offline  -
`,
    errors: '',
  });
  const { output } = await sh('klpfs cpu 1 on; klpfs cpu --json');
  expect(JSON.parse(output)).toEqual([
    { cpu: 0, online: true, runs: { pid: 4243, comm: 'hog' } },
    { cpu: 1, online: true, runs: null },
    { cpu: 2, online: false, runs: null },
  ]);
});

test('names are shown as they are', async () => {
  // It does not say who writes, so anybody may rename a task.
  const { sh } = await startBusy('--transport fuse-native');

  const { output } = await sh(`
    env printf 'a" (1)\\n\\tb' > mnt/proc/4243/comm; klpfs cpu --json | jq '.[1].runs.comm'`);
  expect(output).toBe('"a\\" (1)\\n\\tb"\n');
});

// biome-ignore format: the columns are the point
test.each([
  ['1 on',  'cpu 1 is online'],
  ['0 off', 'cpu 0 boots the machine, and stays'],
  ['7 off', 'there is no cpu 7'],
])('cpu %s: %s', async (words, reason) => {
  const { sh } = await startBusy();

  expect(await sh(`klpfs cpu ${words}`)).toEqual({
    status: 1,
    output: '',
    errors: `klpfs cpu: ${reason}\n`,
  });
});

const FIX = `
module: fix
objects:
  - name: vmlinux
    funcs: [{old_name: vfs_read, log: new vfs_read}]
`;

test('a handler runs the version of the process that it interrupts, which then switches', async () => {
  const machine = await startMachine('--machine m.yaml', { 'm.yaml': MACHINE, 'fix.yaml': FIX });
  const { sh } = machine;
  await sh('klpfs clock advance 1s; klpfs insmod fix.yaml');

  const state = 'cat mnt/proc/4243/patch_state';
  const interrupt = "klpfs irq 1 ksys_read vfs_read; klpfs dmesg | grep -c 'new vfs_read'";
  expect(await sh(`${state}; ${interrupt}; ${state}; ${interrupt}`)).toMatchObject({
    output: '0\n0\n1\n1\n',
    errors: '',
  });
});
