/** `klpfs insmod`, `rmmod` and `lsmod`. */
import { expect, test } from 'vitest';
import { startMachine } from './klpfs.ts';

function manifest(name: string, rest = ''): string {
  return `
module: ${name}
livepatch: true
parameters: {answer: {type: int, default: 42, mode: "0644"}}
objects:
  - name: vmlinux
    funcs: [{old_name: cmdline_proc_show, output: "fixed\\n"}]
${rest}`;
}

test('a built-in module is loaded, listed, and removed once it is not used any more', async () => {
  const { sh } = await startMachine();
  const enabled = 'mnt/sys/kernel/livepatch/livepatch_sample/enabled';

  const loaded = await sh('klpfs insmod livepatch-sample && klpfs wait livepatch_sample');
  expect(loaded).toEqual({ status: 0, output: '', errors: '' });
  expect((await sh('klpfs lsmod')).output).toBe(
    'Module                  Size  Used by\nlivepatch_sample       16384  1\n',
  );
  expect(JSON.parse((await sh('klpfs lsmod --json')).output)).toEqual([
    { name: 'livepatch_sample', size: 16384, refcnt: 1, used_by: [], state: 'Live', taints: 'OEK' },
  ]);

  expect(await sh('klpfs insmod livepatch-sample')).toEqual({
    status: 1,
    output: '',
    errors: 'insmod: ERROR: could not insert module livepatch-sample: File exists\n',
  });
  expect(await sh('klpfs rmmod livepatch-sample unknown')).toEqual({
    status: 1,
    output: '',
    errors:
      'rmmod: ERROR: Module livepatch_sample is in use\nrmmod: ERROR: Module unknown is not currently loaded\n',
  });
  await sh(`echo 0 > ${enabled}; klpfs wait livepatch_sample`);
  expect(await sh('klpfs rmmod livepatch-sample')).toEqual({ status: 0, output: '', errors: '' });
  expect((await sh('klpfs lsmod')).output).toBe('Module                  Size  Used by\n');
});

test.each(['fix.yaml', './fix', 'fix.json'])('the manifest %s is loaded', async (file) => {
  const text = manifest('livepatch_fix');
  const json = JSON.stringify({
    module: 'livepatch_fix',
    livepatch: true,
    parameters: { answer: { type: 'int', default: 42, mode: '0644' } },
    objects: [{ name: 'vmlinux', funcs: [{ old_name: 'cmdline_proc_show', output: 'fixed\n' }] }],
  });
  const { sh } = await startMachine('', { [file]: file.endsWith('json') ? json : text });

  expect(
    await sh(`klpfs insmod ${file} answer=7 && klpfs wait livepatch_fix &&
      cat mnt/proc/cmdline mnt/sys/module/livepatch_fix/parameters/answer`),
  ).toEqual({ status: 0, output: 'fixed\n7\n', errors: '' });
});

// Sizes at which a last piece of the write looks full.
test.each([130_000, 131_072, 200_000, 262_144])('a manifest of %d bytes', async (sizeBytes) => {
  const { sh } = await startMachine('', {
    'big.yaml': `${manifest('livepatch_big')}# `.padEnd(sizeBytes, 'x'),
  });

  expect(await sh('klpfs insmod big.yaml && klpfs wait livepatch_big')).toMatchObject({
    status: 0,
    errors: '',
  });
});

const UNKNOWN_FUNCTION = `
module: bad
livepatch: true
objects: [{name: vmlinux, funcs: [{old_name: no_such_function}]}]
`;

// biome-ignore format: the columns are the point
test.each<[what: string, command: string, text: string, complaint: string, detail: string]>([
  // what                  command                    text                        complaint                                             detail
  ['an unknown module',    'nothing',                 '',                         'load module nothing: No such file or directory',     '  available: .*livepatch_sample.*'],
  ['a missing file',       './nothing',               '',                         'load module ./nothing: No such file or directory',   ''],
  ['a directory',          './bin',                   '',                         'insert module ./bin: Is a directory',                ''],
  ['an empty file',        'bad.yaml',                '',                         'insert module bad.yaml: Invalid module format',      '  bad.yaml:1:1: .*'],
  ['no YAML',              'bad.yaml',                'module: [\n',              'insert module bad.yaml: Invalid module format',      '  bad.yaml:2:1: .*'],
  ['no objects',           'bad.yaml',                'module: bad\nlivepatch: true\nobjects: []\n', 'insert module bad.yaml: Invalid module format', '  bad.yaml:3:10: objects: .*'],
  ['an unknown key',       'bad.yaml',                manifest('bad', 'foo: 1'),  'insert module bad.yaml: Invalid module format',      '  bad.yaml:8:1: foo: unknown key.*'],
  ['an unknown function',  'bad.yaml',                UNKNOWN_FUNCTION,           'insert module bad.yaml: Invalid parameters',         "  livepatch: symbol 'no_such_function' not found in symbol table"],
  ['10 MB',                'bad.yaml',                '#'.repeat(10_000_000),     'insert module bad.yaml: Argument list too long',     '  klpfs: manifest: a request has at most 1048576 bytes'],
  ['a bad value',          'bad.yaml answer=maybe',   manifest('bad'),            'insert module bad.yaml: Invalid parameters',         "  bad: `maybe' invalid for parameter `answer'"],
])('insmod refuses %s', async (_, command, text, complaint, detail) => {
  const { sh } = await startMachine('', { 'bad.yaml': text });

  const { status, output, errors } = await sh(`klpfs insmod ${command}`);
  expect({ status, output }).toEqual({ status: 1, output: '' });
  const [first, ...details] = errors.split('\n');
  expect(first).toBe(`insmod: ERROR: could not ${complaint}`);
  expect(details.join('\n')).toMatch(new RegExp(`^(  livepatch_?.*\n|  bad: .*\n)*${detail}\n?$`));
  expect((await sh('ls mnt/sys/module mnt/sys/kernel/livepatch/*; cat mnt/proc/modules')).output).toBe(
    'mnt/sys/module:\n',
  );
});

test('an unknown parameter is ignored, and logged', async () => {
  const { sh } = await startMachine();

  expect((await sh('klpfs insmod livepatch-sample colour=red')).status).toBe(0);
  expect((await sh('klpfs dmesg | grep colour')).output).toMatch(
    /livepatch_sample: unknown parameter 'colour' ignored\n$/,
  );
});

const MODULES = `
modules:
  - {name: base, log_init: base_init, log_exit: base_exit}
  - {name: middle, depends: [base]}
  - name: top
    depends: [middle]
    parameters: {list: {type: int, most: 3, default: [1, 2], mode: "0644"}, on: {type: bool, mode: "0600"}}
`;

test('modprobe loads what a module needs first, and removes it afterwards', async () => {
  const { sh } = await startMachine('--machine machine.yaml', { 'machine.yaml': MODULES });
  expect(await sh('klpfs modprobe -v top list=4,5 && klpfs lsmod')).toEqual({
    status: 0,
    output: `insmod /lib/modules/4.15.0/extra/base.ko${' '}
insmod /lib/modules/4.15.0/extra/middle.ko${' '}
insmod /lib/modules/4.15.0/extra/top.ko list=4,5
Module                  Size  Used by
top                    16384  0
middle                 16384  1 top
base                   16384  1 middle
`,
    errors: '',
  });
  expect((await sh('cat mnt/sys/module/top/parameters/list')).output).toBe('4,5\n');
  expect(
    await sh('klpfs modprobe top; klpfs modprobe --first-time top; klpfs modprobe -r base'),
  ).toEqual({
    status: 1,
    output: '',
    errors:
      "modprobe: ERROR: could not insert 'top': Module already in kernel\nmodprobe: FATAL: Module base is in use.\n",
  });
  // What top needs is looked at once, base first: middle still needs it then.
  expect((await sh('klpfs modprobe -rv top; klpfs modprobe -r top; klpfs lsmod')).output).toBe(
    'rmmod top\nrmmod middle\nModule                  Size  Used by\nbase                   16384  0\n',
  );
});

// biome-ignore format: the columns are the point
test.each<[command: string, errors: string]>([
  ['modprobe top list=1,2,3,4',       "modprobe: ERROR: could not insert 'top': Invalid argument\n  list: can only take 3 arguments\n  top: `1' invalid for parameter `list'"],
  ['modprobe top list=99999999999',   "modprobe: ERROR: could not insert 'top': Numerical result out of range\n  top: `99999999999' invalid for parameter `list'"],
  ['insmod top',                      'insmod: ERROR: could not insert module top: Unknown symbol in module\n  top: Unknown symbol middle (err -2)'],
  ['modinfo nosuch',                  'modinfo: ERROR: Module nosuch not found.'],
  ['modinfo --json nosuch',           'klpfs modinfo: Module nosuch not found.'],
])('klpfs %s', async (command, errors) => {
  const { sh } = await startMachine('--machine machine.yaml', { 'machine.yaml': MODULES });
  const ended = await sh(`klpfs ${command}`);
  expect(ended).toEqual({ status: 1, output: '', errors: `${errors}\n` });
});

test('what klpfs prints is what the machine says, whatever is asked', async () => {
  const { sh } = await startMachine('--machine machine.yaml', { 'machine.yaml': MODULES });
  expect(
    await sh(
      'klpfs insmod; klpfs modprobe -D top on; klpfs rmmod -x; klpfs lsmod --mount mnt more',
    ),
  ).toEqual({
    status: 1,
    output: `insmod /lib/modules/4.15.0/extra/base.ko${' '}
insmod /lib/modules/4.15.0/extra/middle.ko${' '}
insmod /lib/modules/4.15.0/extra/top.ko on
`,
    errors: `insmod: ERROR: missing filename.
rmmod: invalid option -- 'x'
Usage: lsmod
`,
  });
});

test('modinfo shows what a module says of itself', async () => {
  const { sh } = await startMachine('--machine machine.yaml', { 'machine.yaml': MODULES });
  expect(
    (
      await sh(
        'klpfs modinfo top; klpfs modinfo -p top; klpfs modinfo -F livepatch livepatch-sample',
      )
    ).output,
  ).toBe(
    `filename:       /lib/modules/4.15.0/extra/top.ko
license:        GPL
depends:        middle
retpoline:      Y
intree:         Y
name:           top
vermagic:       4.15.0 SMP mod_unload modversions${' '}
parm:           on:bool
parm:           list:array of int
on: (bool)
list: (array of int)
Y
`,
  );
});

test('who uses a module is linked in its holders', async () => {
  const { sh } = await startMachine('--machine machine.yaml', { 'machine.yaml': MODULES });
  const { output } = await sh(`klpfs modprobe top; cd mnt/sys/module/base/holders; ls -A
    stat -c '%A %h %s %N' middle; cat middle/initstate; klpfs modprobe -r top middle; ls -A`);
  expect(output).toBe("middle\nlrwxrwxrwx 1 0 'middle' -> '../../middle'\nlive\n");
});
