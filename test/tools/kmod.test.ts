/**
 * kmod's programs, byte for byte.
 *
 * The words were compared with those of kmod 30 of Debian 12, whose /sys/module and /proc/modules were a
 * machine's.
 */
import { describe, expect, test } from 'vitest';
import { KernelError } from '../../src/abi/errno.ts';
import { NS_PER_MS } from '../../src/engine/clock.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';
import { Machine } from '../support/machine.ts';
import { aModule, cmdlinePatch } from '../support/modules.ts';
import { runTool } from '../support/tools.ts';

function machineWithModules(): Machine {
  const machine = new Machine({
    modules: [
      cmdlinePatch('livepatch_sample'),
      aModule({ name: 'base', exit: () => {} }),
      aModule({ name: 'middle', depends: ['base'] }),
      aModule({ name: 'also', depends: ['base'] }),
      aModule({ name: 'zeta', depends: ['base'] }),
      aModule({
        name: 'top',
        intree: true,
        description: 'The last one',
        depends: ['middle'],
        parameters: [
          { name: 'list', type: 'int', most: 3, default: [1], mode: 0o644 },
          { name: 'on', type: 'bool', default: false, mode: 0o644 },
          { name: 'name', type: 'string', default: '', mode: 0o644 },
        ],
      }),
      failing('odd', -512),
      failing('far', -4096),
      failing('none', -19),
      failing('old', -38),
    ],
  });
  for (const word of ['base', 'middle', 'also', 'zeta']) machine.insmod(word);
  machine.dmesg();
  return machine;
}

function failing(name: string, errno: number) {
  return aModule({
    name,
    init: () => {
      throw new KernelError('EINVAL', 'it fails', errno);
    },
  });
}

const LOADED = `Module                  Size  Used by
zeta                   16384  0
also                   16384  0
middle                 16384  0
base                   16384  3 middle,zeta,also
`;
const USED_BY = 'middle zeta also';
const DIRECTORY = '/lib/modules/4.15.0';

// biome-ignore format: the columns are the point
const ROWS: readonly [words: string, code: number, text: string][] = [
  ['lsmod',                        0, LOADED],
  ['lsmod x',                      1, '! Usage: lsmod\n'],

  ['insmod',                       1, '! insmod: ERROR: missing filename.\n'],
  ['insmod -',                     1, '! insmod: ERROR: this tool does not support loading from stdin!\n'],
  ['insmod -v',                    1, "! insmod: invalid option -- 'v'\n"],
  ['insmod --foo=1',               1, "! insmod: unrecognized option '--foo=1'\n"],
  ['insmod -V',                    0, 'kmod version 30\n+ZSTD +XZ -ZLIB +LIBCRYPTO -EXPERIMENTAL\n'],
  ['insmod --help',                0, 'Usage:\n\tinsmod [options] filename [args]\n'],
  ['insmod nosuch',                1, '! insmod: ERROR: could not load module nosuch: No such file or directory\n'],
  ['insmod base',                  1, '! insmod: ERROR: could not insert module base: File exists\n'],
  ['insmod -f ./x/base.ko.xz a=1', 1, '! insmod: ERROR: could not insert module ./x/base.ko.xz: File exists\n'],
  ['insmod none',                  1, '! insmod: ERROR: could not insert module none: No such device\n'],
  ['insmod odd',                   1, '! insmod: ERROR: could not insert module odd: Unknown error 512\n'],
  ['insmod far',                   1, '! insmod: ERROR: could not insert module far: Unknown symbol in module\n'],
  ['insmod top list=x',            1, '! insmod: ERROR: could not insert module top: Invalid parameters\n'],
  ['insmod top list=1',            0, ''],
  ['insmod livepatch-sample',      0, ''],
  ['insmod path/livepatch-sample.ko', 0, ''],

  ['rmmod',                        1, '! rmmod: ERROR: missing module name.\n'],
  ['rmmod -w base',                1, "! rmmod: ERROR: unexpected getopt_long() value 'w'.\n"],
  ['rmmod --forc=1 base',          1, "! rmmod: option '--force' doesn't allow an argument\n"],
  ['rmmod nosuch-a b.ko',          1, '! rmmod: ERROR: Module nosuch_a is not currently loaded\n! rmmod: ERROR: Module b is not currently loaded\n'],
  ['rmmod base',                   1, `! rmmod: ERROR: Module base is in use by: ${USED_BY}\n`],
  ['rmmod zeta base ./also.ko',    1, '! rmmod: ERROR: Module base is in use by: middle also\n'],
  ['rmmod -s base',                1, ''],
  ['rmmod -f base',                1, "! rmmod: ERROR: ../libkmod/libkmod-module.c:856 kmod_module_remove_module() could not remove 'base': Resource temporarily unavailable\n! rmmod: ERROR: could not remove module base: Resource temporarily unavailable\n"],
  ['rmmod -v zeta',                0, ''],

  ['modprobe',                     1, '! modprobe: ERROR: missing parameters. See -h.\n'],
  ['modprobe --re base',           1, "! modprobe: option '--re' is ambiguous; possibilities: '--remove' '--remove-dependencies' '--remove-holders' '--resolve-alias'\n"],
  ['modprobe --wa',                1, "! modprobe: option '--wait' requires an argument\n"],
  ['modprobe -w soon -r base',     1, "! modprobe: ERROR: unexpected wait value 'soon'.\n"],
  ['modprobe nosuch',              1, `! modprobe: FATAL: Module nosuch not found in directory ${DIRECTORY}\n`],
  ['modprobe -q nosuch',           1, ''],
  ['modprobe -S 1.2.3 base',       1, '! modprobe: FATAL: Module base not found in directory /lib/modules/1.2.3\n'],
  ['modprobe -d /nowhere base',    1, `! modprobe: FATAL: Module base not found in directory /nowhere${DIRECTORY}\n`],
  ['modprobe -a nosuch top',       1, `! modprobe: WARNING: Module nosuch not found in directory ${DIRECTORY}\n`],
  ['modprobe base',                0, ''],
  ['modprobe --first-time base',   1, "! modprobe: ERROR: could not insert 'base': Module already in kernel\n"],
  ['modprobe --first -q base',     1, ''],
  ['modprobe -n top',              0, ''],
  ['modprobe -nv top list=1,2 on', 0, `insmod ${DIRECTORY}/extra/top.ko list=1,2 on\n`],
  ['modprobe -D top',              0, `insmod ${DIRECTORY}/extra/base.ko \ninsmod ${DIRECTORY}/extra/middle.ko \ninsmod ${DIRECTORY}/extra/top.ko \n`],
  ['modprobe -R livepatch-sample', 0, 'livepatch_sample\n'],
  ['modprobe none',                1, "! modprobe: ERROR: could not insert 'none': No such device\n"],
  ['modprobe old',                 1, "! modprobe: ERROR: could not insert 'old': Function not implemented\n"],
  ['modprobe far',                 1, "! modprobe: ERROR: could not insert 'far': Unknown symbol in module, or unknown parameter (see dmesg)\n"],
  ['modprobe -r nosuch',           1, '! modprobe: FATAL: Module nosuch not found.\n'],
  ['modprobe -r top',              0, ''],
  ['modprobe -r --first-time top', 1, '! modprobe: FATAL: Module top is not in kernel.\n'],
  ['modprobe -r base zeta',        1, '! modprobe: FATAL: Module base is in use.\n'],
  ['modprobe -rav base zeta',      1, '! modprobe: WARNING: Module base is in use.\nrmmod zeta\n'],
  // The last holder takes base along, which is asked for once more.
  ['modprobe --remove-holders -rv base', 1, "rmmod also\nrmmod zeta\nrmmod middle\nrmmod base\nrmmod base\n! modprobe: ERROR: ../libkmod/libkmod-module.c:856 kmod_module_remove_module() could not remove 'base': No such file or directory\n"],
  ['modprobe -w 0x5 -rnv base',    0, 'rmmod base\n'],
  ['modprobe -c',                  0, '\n# End of configuration files. Dumping indexes now:\n\n'],

  ['modinfo',                      1, '! modinfo: ERROR: missing module or filename.\n'],
  ['modinfo -F',                   1, "! modinfo: option requires an argument -- 'F'\n"],
  ['modinfo nosuch -n base',       1, `! modinfo: ERROR: Module nosuch not found.\n${DIRECTORY}/extra/base.ko\n`],
  ['modinfo -m nosuch',            1, '! modinfo: ERROR: Module name nosuch not found.\n'],
  ['modinfo -k 1.2.3 base',        1, '! modinfo: ERROR: Module base not found.\n'],
  ['modinfo /x/livepatch-sample.ko', 0, `filename:       /x/livepatch-sample.ko
livepatch:      Y
license:        GPL
depends:        
retpoline:      Y
name:           livepatch_sample
vermagic:       4.15.0 SMP mod_unload modversions 
`],
  ['modinfo -d top',               0, 'The last one\n'],
  ['modinfo -a top',               0, ''],
  ['modinfo -lF name top base',    0, 'top\nbase\n'],
  ['modinfo -p top',               0, 'name: (charp)\non: (bool)\nlist: (array of int)\n'],
  ['modinfo -0 top',               0, [`filename:       ${DIRECTORY}/extra/top.ko`, 'description=The last one', 'license=GPL', 'depends=middle', 'retpoline=Y', 'intree=Y', 'name=top', 'vermagic=4.15.0 SMP mod_unload modversions ', 'parm:           name:charp', 'parm:           on:bool', 'parm:           list:array of int', ''].join('\0')],
];

test.each(ROWS)('%s', (words, code, text) => {
  expect(runTool(machineWithModules(), words.split(' '))).toEqual({ code, text });
});

// biome-ignore format: the columns are the point
describe('who may not load modules', () => {
  test.each<[words: string, code: number, text: string]>([
    ['lsmod',             0, LOADED],
    ['modinfo -F name top', 0, 'top\n'],
    ['insmod top',        1, '! insmod: ERROR: could not insert module top: Operation not permitted\n'],
    ['modprobe top',      1, "! modprobe: ERROR: could not insert 'top': Operation not permitted\n"],
    ['modprobe base',     0, ''],
    ['rmmod base',        1, `! rmmod: ERROR: Module base is in use by: ${USED_BY}\n`],
    ['rmmod zeta',        1, "! rmmod: ERROR: ../libkmod/libkmod-module.c:856 kmod_module_remove_module() could not remove 'zeta': Operation not permitted\n! rmmod: ERROR: could not remove module zeta: Operation not permitted\n"],
    ['modprobe -r zeta',  1, "! modprobe: ERROR: ../libkmod/libkmod-module.c:856 kmod_module_remove_module() could not remove 'zeta': Operation not permitted\n"],
  ])('%s', (words, code, text) => {
    const machine = machineWithModules();
    expect(runTool(machine, words.split(' '), 'tool_user')).toEqual({ code, text });
    expect(runTool(machine, ['lsmod']).text).toBe(LOADED);
  });
});

test('a value keeps its blanks', () => {
  const machine = machineWithModules();
  expect(runTool(machine, ['modprobe', 'top', 'name=a b', 'list=7'])).toEqual({
    code: 0,
    text: '',
  });
  expect(machine.cat('sys/module/top/parameters/name')).toBe('a b');
  expect(machine.cat('sys/module/top/parameters/list')).toBe('7');
});

test('a number that is no errno is EINVAL for who writes to control/insmod', () => {
  expect(machineWithModules().insmod('odd')).toBe('EINVAL');
});

// biome-ignore format: the columns are the point
test.each<[release: '4.15' | '6.1', fails: boolean, answer: string]>([
  ['4.15', false, 'EEXIST'],
  ['6.1',  false, 'EEXIST'],
  ['4.15', true,  'ok'],
  ['6.1',  true,  'EBUSY'],
])('on %s a load waits for another that is under way (which fails: %s): %s', (release, fails, answer) => {
  let failures = fails ? 1 : 0;
  const slow = aModule({
    name: 'slow',
    *init(kernel) {
      yield* sleepFor(kernel, 'uninterruptible', 1000 * NS_PER_MS);
      failures -= 1;
      if (failures >= 0) throw new KernelError('ENODEV', 'the first time');
    },
  });
  const machine = new Machine({ release, modules: [slow], cpus: 2 });
  const first = machine.startWrite('slow', 'control/insmod');
  machine.advance(500);
  const second = machine.startWrite('slow', 'control/insmod');
  machine.advance(400);
  expect([first.answer, second.answer]).toEqual(['pending', 'pending']);
  machine.advance(2000);
  expect([first.answer, second.answer]).toEqual([fails ? 'ENODEV' : 'ok', answer]);
});
