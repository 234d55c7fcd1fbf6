/** dmesg and uname, byte for byte. The words were compared with those of util-linux 2.38 and coreutils 9.1. */
import { expect, test } from 'vitest';
import { NS_PER_SECOND } from '../../src/engine/clock.ts';
import { storeRecord } from '../../src/engine/printk.ts';
import { Machine } from '../support/machine.ts';
import { runTool } from '../support/tools.ts';

/** Booted on 2023-11-14 22:13:20 UTC; records from 1 s on. */
function machineWithLog(): Machine {
  const machine = new Machine();
  machine.kernel.log.records.length = 0;
  machine.kernel.log.clearSequence = machine.kernel.log.nextSequence;
  const log = (seconds: number, priority: number, text: string) => {
    machine.kernel.clock.nowNs = seconds * NS_PER_SECOND;
    storeRecord(machine.kernel, priority, text);
  };
  log(1, 6, 'usb: found');
  log(1.5, 12, 'of user space');
  log(41, 3, 'two\nlines\ta\x1b ü');
  log(90, 16 * 8 + 5, 'local');
  log(90, 4, '');
  return machine;
}

const TWO = 'two\n               lines\ta\\x1b ü\n';

// biome-ignore format: the columns are the point
test.each<[words: string, code: number, text: string]>([
  ['dmesg',            0, `[    1.000000] usb: found\n[    1.500000] of user space\n[   41.000000] ${TWO}[   90.000000] local\n\n`],
  ['dmesg -tk',        0, 'usb: found\ntwo\nlines\ta\\x1b ü\n\n'],
  ['dmesg -ut',        0, 'of user space\n'],
  ['dmesg -r -f user', 0, '<5>[    1.500000] of user space\n'],
  ['dmesg -xl err,warn', 0, 'user  :warn  : [    1.500000] of user space\nkern  :err   : [   41.000000] two\n                              lines\ta\\x1b ü\n\n'],
  ['dmesg -l 3 -p',    0, '[   41.000000] two\n[   41.000000] lines\ta\\x1b ü\n'],
  ['dmesg -l err -t --noescape', 0, 'two\nlines\ta\x1b ü\n'],
  ['dmesg -Tf user',   0, '[Tue Nov 14 22:13:21 2023] of user space\n'],
  ['TZ=<+0530>-05:30 dmesg -Tf user', 0, '[Wed Nov 15 03:43:21 2023] of user space\n'],
  ['TZ=<-08>+08:00 dmesg --time-format iso -f user', 0, '2023-11-14T14:13:21,500000-08:00 of user space\n'],
  ['dmesg -dl info,warn', 0, '[    1.000000 <    0.000000>] usb: found\n[    1.500000 <    0.500000>] of user space\n\n'],
  ['dmesg --time-format delta -l info,err', 0, '[<    0.000000>] usb: found\n[<   40.000000>] two\n                 lines\ta\\x1b ü\n'],
  ['dmesg -el info,warn,err', 0, '[Nov14 22:13] usb: found\n[  +0.500000] of user space\n[Nov14 22:14] two\n              lines\ta\\x1b ü\n\n'],
  ['dmesg -J -u',      0, '{\n   "dmesg": [\n      {\n         "pri": 5,\n         "time":     1.500000,\n         "msg": "of user space"\n      }\n   ]\n}\n'],
  ['dmesg -n 4',       0, ''],
  ['dmesg -D',         0, ''],
  ['dmesg -l loud',    1, "! dmesg: unknown level 'loud'\n"],
  ['dmesg -f 12',      1, "! dmesg: unknown facility '12'\n"],
  ['dmesg -n 0',       1, "! dmesg: unknown level '0'\n"],
  ['dmesg -x -r',      1, '! dmesg: mutually exclusive arguments: --raw --decode\n'],
  ['dmesg -cr',        1, '! dmesg: mutually exclusive arguments: --clear --console-off --console-on --read-clear --console-level --raw\n'],
  ['dmesg --time-format x', 1, '! dmesg: unknown time format: x\n'],
  ['dmesg --since now', 1, '! dmesg: invalid time value "now"\n'],
  ['dmesg x',          1, "! dmesg: bad usage\n! Try 'dmesg --help' for more information.\n"],
  ['dmesg -V',         0, 'dmesg from util-linux 2.38.1\n'],

  ['uname',            0, 'Linux\n'],
  ['uname -r',         0, '4.15.0\n'],
  ['HOSTNAME=here HOSTTYPE=riscv64 uname -a', 0, 'Linux here 4.15.0 #1 SMP riscv64 GNU/Linux\n'],
  ['HOSTNAME=here uname -vn --kernel-rel -o', 0, 'here 4.15.0 #1 SMP GNU/Linux\n'],
  ['uname -ip',        0, 'unknown unknown\n'],
  ['uname x',          1, "! uname: extra operand 'x'\n! Try 'uname --help' for more information.\n"],
])('%s', (words, code, text) => {
  expect(runTool(machineWithLog(), words.split(' '))).toEqual({ code, text });
});

test('clearing moves where dmesg begins, and /dev/kmsg keeps all', () => {
  const machine = machineWithLog();
  expect(runTool(machine, ['dmesg', '-ct', '-u']).text).toBe('of user space\n');
  expect(runTool(machine, ['dmesg']).text).toBe('');
  storeRecord(machine.kernel, 4, 'later');
  expect(runTool(machine, ['dmesg', '-t']).text).toBe('later\n');
  expect(runTool(machine, ['dmesg', '-C'])).toEqual({ code: 0, text: '' });
  expect(runTool(machine, ['dmesg']).text).toBe('');
  expect(machine.kernel.log.records).toHaveLength(6);
});

test.each([
  ['dmesg', 'read kernel buffer failed'],
  ['dmesg -C', 'clear kernel buffer failed'],
  ['dmesg -E', 'klogctl failed'],
])('%s of an ordinary user', (words, what) => {
  expect(runTool(machineWithLog(), words.split(' '), 'tool_user')).toEqual({
    code: 1,
    text: `! dmesg: ${what}: Operation not permitted\n`,
  });
});
