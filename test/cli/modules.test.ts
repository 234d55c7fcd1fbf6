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
    errors: 'klpfs insmod: could not insert module livepatch-sample: File exists\n',
  });
  expect(await sh('klpfs rmmod livepatch-sample unknown')).toEqual({
    status: 1,
    output: '',
    errors:
      'klpfs rmmod: Module livepatch_sample is in use\nklpfs rmmod: Module unknown is not currently loaded\n',
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
test.each<[what: string, command: string, text: string, why: string, detail: string]>([
  // what                  command                    text                        why                           detail
  ['an unknown module',    'nothing',                 '',                         'No such file or directory',  "  klpfs: insmod: there is no module 'nothing'; available: .*livepatch_sample.*"],
  ['a missing file',       './nothing',               '',                         'No such file or directory',  ''],
  ['a directory',          './bin',                   '',                         'Is a directory',             ''],
  ['an empty file',        'bad.yaml',                '',                         'Invalid argument',           '  bad.yaml:1:1: .*'],
  ['no YAML',              'bad.yaml',                'module: [\n',              'Invalid argument',           '  bad.yaml:2:1: .*'],
  ['no objects',           'bad.yaml',                'module: bad\nlivepatch: true\nobjects: []\n', 'Invalid argument', '  bad.yaml:3:10: objects: .*'],
  ['an unknown key',       'bad.yaml',                manifest('bad', 'foo: 1'),  'Invalid argument',           '  bad.yaml:8:1: foo: unknown key.*'],
  ['an unknown function',  'bad.yaml',                UNKNOWN_FUNCTION,           'Invalid parameters',          "  livepatch: symbol 'no_such_function' not found in symbol table"],
  ['10 MB',                'bad.yaml',                '#'.repeat(10_000_000),     'Argument list too long',     '  klpfs: manifest: a request has at most 1048576 bytes'],
  ['a bad value',          'bad.yaml answer=maybe',   manifest('bad'),            'Invalid parameters',         "  bad: `maybe' invalid for parameter `answer'"],
])('insmod refuses %s', async (_, command, text, why, detail) => {
  const { sh } = await startMachine('', { 'bad.yaml': text });
  const [file = ''] = command.split(' ');
  const isKnown = ['an unknown function', 'a bad value'].includes(_);

  const { status, output, errors } = await sh(`klpfs insmod ${command}`);
  expect({ status, output }).toEqual({ status: 1, output: '' });
  const [first, ...details] = errors.split('\n');
  const verb = file.startsWith('./') ? 'load' : 'insert';
  expect(first).toBe(`klpfs insmod: could not ${verb} module ${isKnown ? 'bad' : file}: ${why}`);
  expect(details.join('\n')).toMatch(new RegExp(`${detail}\n?$`));
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
    output: `insmod base
insmod middle
insmod top list=4,5
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
      "klpfs modprobe: could not insert 'top': Module already in kernel\nklpfs modprobe: Module base is in use.\n",
  });
  expect((await sh('klpfs modprobe -rv top; klpfs modprobe -r top; klpfs lsmod')).output).toBe(
    'rmmod top\nrmmod middle\nrmmod base\nModule                  Size  Used by\n',
  );
});

// biome-ignore format: the columns are the point
test.each<[command: string, errors: string]>([
  ['modprobe nosuch',                 'Module nosuch not found in directory /lib/modules/4.15.0'],
  ['modprobe -r nosuch',              'Module nosuch not found.'],
  ['modprobe -r --first-time top',    'Module top is not in kernel.'],
  ['modprobe top list=1,2,3,4',       "could not insert 'top': Invalid argument\n  list: can only take 3 arguments\n  top: `1' invalid for parameter `list'"],
  ['modprobe top list=99999999999',   "could not insert 'top': Numerical result out of range\n  top: `99999999999' invalid for parameter `list'"],
  ['modprobe test_klp_callbacks_demo pre_patch_ret=-19', "could not insert 'test_klp_callbacks_demo': No such device"],
  ['insmod top',                      'could not insert module top: Unknown symbol in module\n  top: Unknown symbol middle (err -2)'],
  ['modinfo nosuch',                  'Module nosuch not found.'],
])('klpfs %s', async (command, errors) => {
  const { sh } = await startMachine('--machine machine.yaml', { 'machine.yaml': MODULES });
  const ended = await sh(`klpfs ${command}`);
  expect({ ...ended, errors: '' }).toEqual({ status: 1, output: '', errors: '' });
  expect(ended.errors).toContain(`klpfs ${command.split(' ')[0]}: ${errors}\n`);
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
    `depends:        middle
intree:         Y
name:           top
vermagic:       4.15.0 SMP mod_unload modversions \nparm:           list:array of int
parm:           on:bool
list:array of int
on:bool
Y
`,
  );
});
