/** scripts/klpfs-shim: what scripts that know nothing of klpfs see, on a real mount. */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { startMachine, type TestMachine, until, watch } from '../cli/klpfs.ts';

const SHIM = resolve(import.meta.dirname, '../../scripts/klpfs-shim');
const NAMES = 'insmod rmmod modprobe lsmod modinfo dmesg uname';

const MANIFEST = `\
module: my_fix
livepatch: true
parameters: {level: {type: int, default: 1}}
objects: [{name: vmlinux, funcs: [{old_name: cmdline_proc_show, output: "fixed\\n"}]}]
`;

async function startWithShim(
  options = '',
  files: Record<string, string> = {},
): Promise<TestMachine> {
  const machine = await startMachine(options, files);
  await machine.sh(`for name in ${NAMES}; do ln -s ${SHIM} bin/$name; done`);
  return machine;
}

test('a script loads, lists and removes, and tells output from errors', async () => {
  const { sh } = await startWithShim('--cpus 1 --release 6.1');
  expect(
    await sh(`
      set -e
      modprobe --dry-run livepatch-sample
      insmod livepatch-sample
      lsmod; modinfo livepatch_sample | grep ^livepatch: | tail -c2
      ! rmmod livepatch_sample nosuch
      echo 0 > $M/sys/kernel/livepatch/livepatch_sample/enabled
      rmmod livepatch_sample
      lsmod; modinfo -0 -F name livepatch_sample | tr '\\0' %; uname -sr`),
  ).toEqual({
    status: 0,
    output: `Module                  Size  Used by
livepatch_sample       16384  1
Y
Module                  Size  Used by
livepatch_sample%Linux 6.1.0
`,
    errors: `rmmod: ERROR: Module livepatch_sample is in use
rmmod: ERROR: Module nosuch is not currently loaded
`,
  });
});

// biome-ignore format: the columns are the point
test.each<[what: string, words: string, status: number, errors: string]>([
  ['a manifest',             'fix.yaml level=3',          0, ''],
  ['a manifest in a module', './patch.ko',                0, ''],
  ['an empty file',          'dir/livepatch-sample.ko',   0, ''],
  ['a file without text',    'dir/kthread-demo.ko',       0, ''],
  ['a loaded module',        'twice.yaml',                1, 'could not insert module twice.yaml: File exists'],
  ['a bad value',            '-f ./fix.yaml level=high',  1, 'could not insert module ./fix.yaml: Invalid parameters'],
  ['a missing file',         './nosuch.ko',               1, 'could not load module ./nosuch.ko: No such file or directory'],
  ['an unknown name',        'nosuch',                    1, 'could not load module nosuch: No such file or directory'],
  ['a directory',            'dir',                       1, 'could not insert module dir: Is a directory'],
  ['no manifest',            'bad.yaml',                  1, 'could not insert module bad.yaml: Invalid module format'],
  ['an empty manifest',      'empty.json',                1, 'could not insert module empty.json: Invalid module format'],
  ['no file',                '-s',                        1, 'missing filename.'],
])('insmod of %s', async (_, words, status, complaint) => {
  const { sh } = await startWithShim('', { 'fix.yaml': MANIFEST, 'bad.yaml': 'module: [\n' });
  await sh(`mkdir dir; : > empty.json; cp fix.yaml patch.ko; : > dir/livepatch-sample.ko
    printf '\\177ELF\\0' > dir/kthread-demo.ko; sed s/my_fix/livepatch_twice/ fix.yaml > twice.yaml
    [[ '${words}' != twice* ]] || insmod twice.yaml`);
  expect(await sh(`insmod ${words}`)).toEqual({
    status,
    output: '',
    errors: status === 0 ? '' : `insmod: ERROR: ${complaint}\n`,
  });
});

test('what is in no word stays a word, and many words are one request', async () => {
  const { sh } = await startWithShim();
  const { errors } = await sh(`rmmod '*' '$(echo x)' "a b" '' é; rmmod $(seq 2000)`);
  const lines = errors.split('\n');
  expect(lines.slice(0, 5)).toEqual(
    ['*', '$(echo x)', 'a b', '', 'é'].map(
      (name) => `rmmod: ERROR: Module ${name} is not currently loaded`,
    ),
  );
  expect(lines.slice(5)).toHaveLength(2001);
});

// fuse-native does not say who reads the log.
test.each([
  ['devfuse', /failed to open '.*\/dev\/kmsg': Operation not permitted/],
  ['fuse-native', /^$/],
])(
  'who may not open control/tool is told so as Linux does, and may look (%s)',
  async (transport, refusal) => {
    const { sh } = await startWithShim(`--allow-other --transport ${transport}`);
    await sh('chmod 755 . bin; insmod kthread-demo');
    const user = 'setpriv --reuid 65534 --regid 65534 --clear-groups';
    expect(
      await sh(`lsmod() { ${user} bin/lsmod; }; lsmod; ${user} bin/modinfo -F name kthread-demo
      ${user} bin/insmod livepatch-sample; ${user} bin/rmmod kthread_demo; ${user} bin/dmesg
      ${user} bin/insmod ./bin/../fix.yaml`),
    ).toMatchObject({
      output:
        'Module                  Size  Used by\nkthread_demo           16384  0\nkthread_demo\n',
      errors: `insmod: ERROR: could not insert module livepatch-sample: Operation not permitted
rmmod: ERROR: ../libkmod/libkmod-module.c:856 kmod_module_remove_module() could not remove 'kthread_demo': Operation not permitted
rmmod: ERROR: could not remove module kthread_demo: Operation not permitted
dmesg: read kernel buffer failed: Operation not permitted
insmod: ERROR: could not load module ./bin/../fix.yaml: No such file or directory
`,
    });
    const { errors } = await sh(
      `${user} dd if=$M/dev/kmsg of=/dev/null bs=8192 count=1 status=none`,
    );
    expect(errors.trim()).toMatch(refusal);
  },
);

test('dmesg prints, clears, follows; other lines stay as they are', async () => {
  const { sh, start } = await startWithShim();
  await sh('for i in {1..300}; do echo "line $i" > $M/dev/kmsg; done; dmesg > one; dmesg > two');
  expect((await sh('cmp one two && grep -c "] line" one')).output).toBe('300\n');
  expect((await sh('dmesg -C; echo "<3>bad" > $M/dev/kmsg; dmesg -t; dmesg -l info')).output).toBe(
    'bad\n',
  );

  const follower = watch(start('exec dmesg -tW'));
  await until(async () => (await sh('grep -c dmesg $M/control/tasks')).output === '1\n');
  await sh('echo "first" > $M/dev/kmsg; sleep 1.2; echo "second" > $M/dev/kmsg');
  await until(() => follower.output() === 'first\nsecond\n');
});

test('a load that takes its time holds up nobody else', async () => {
  const slow = `
module: slow
livepatch: true
objects:
  - name: vmlinux
    callbacks: {pre_patch: [{sleep: 2s}]}
    funcs: [{old_name: cmdline_proc_show}]
`;
  const { sh } = await startWithShim('', { 'slow.yaml': slow });
  const { output, errors } = await sh(`
    { insmod slow.yaml; echo "insmod $?"; } &
    sleep 0.7; lsmod | tail -1; rmmod slow; echo "rmmod $?"; wait; lsmod | tail -1`);
  expect(output).toBe(
    'slow                   16384  2\nrmmod 1\ninsmod 0\nslow                   16384  1\n',
  );
  expect(errors).toBe('rmmod: ERROR: Module slow is in use\n');
});

test('without a machine the shim says so; what it cannot do, the real program does', async () => {
  const { sh } = await startWithShim('', { log: '<6>[    1.000000] from a file\n' });
  expect(await sh('KLPFS_MOUNT=/nowhere lsmod')).toEqual({
    status: 1,
    output: '',
    errors: "lsmod: no machine is mounted on '/nowhere' (KLPFS_MOUNT)\n",
  });
  expect((await sh('dmesg -F log')).output).toBe('[    1.000000] from a file\n');
  expect((await sh(`${SHIM} uname -r`)).output).toBe('4.15.0\n');
});

test('what the machine was asked by a shell is part of a recording', async () => {
  const { sh } = await startWithShim('--record rec.jsonl', { 'fix.yaml': MANIFEST });
  const { output, errors } = await sh(`
    insmod fix.yaml level=2; rmmod my_fix; dmesg -C; (timeout -s KILL 0.3 dmesg -w >/dev/null)
    echo 0 > $M/sys/kernel/livepatch/my_fix/enabled; klpfs wait my_fix; modprobe -rv my_fix
    klpfs umount mnt; klpfs replay rec.jsonl`);
  expect(errors).toMatch(/^rmmod: ERROR: Module my_fix is in use\n/);
  expect(output).toMatch(/^rmmod my_fix\n/);
  expect(output).toMatch(/^equal: \d+ inputs, \d+ records$/m);
});
