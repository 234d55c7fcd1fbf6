/** Texts that commands read and print. */
import { homedir } from 'node:os';
import { expect, test } from 'vitest';
import { formatTasks } from '../../src/cli/commands/ps.ts';
import { formatStatus } from '../../src/cli/commands/status.ts';
import { formatSeconds, parseDurationMs } from '../../src/cli/duration.ts';
import { formatRecord, parseRecord } from '../../src/cli/kernelLog.ts';
import { defaultLogFile } from '../../src/cli/logFile.ts';
import { formatTable } from '../../src/cli/output.ts';
import type { TaskRow } from '../../src/cli/tasks.ts';
import { describeBehind, type Straggler } from '../../src/cli/transition.ts';

const reader: TaskRow = {
  pid: 4242,
  tgid: 4242,
  ppid: 1,
  comm: 'reader',
  kind: 'user',
  state: 'interruptible',
  cpu: 1,
  patch_state: 0,
  stack: ['schedule', 'cmdline_proc_show'],
};
const straggler: Straggler = {
  ...reader,
  holdup: 'sleeping-on',
  function: 'cmdline_proc_show',
  frame: 1,
  behind_since_us: 0,
};

test.each([
  ['500ms', 500],
  ['1.5s', 1500],
  ['2m', 120_000],
  ['1h', 3_600_000],
  ['3', 3000],
  ['0', 0],
  ['', undefined],
  ['-1s', undefined],
  ['1.s', undefined],
  ['2d', undefined],
  ['1s ', undefined],
  ['Infinity', undefined],
])('the duration %j is %s ms', (text, expected) => {
  expect(parseDurationMs(text)).toBe(expected);
});

test.each([
  [250, '0.25s'],
  [90_000, '90s'],
  [1, '0.001s'],
  [0.04, '0.00004s'],
  [0, '0s'],
])('%d ms are written %s', (durationMs, expected) => {
  expect(formatSeconds(durationMs)).toBe(expected);
});

// biome-ignore format: the columns are the point
test.each([
  // record                                    printed
  ['6,1,5000000,-;hello\n',                    '[    5.000000] hello'],
  ['12,7,123456000042,-;klpfs\n',              '[123456.000042] klpfs'],
  ['4,1,0,-;a;b,c\n',                          '[    0.000000] a;b,c'],
  ['4,1,0,-;one\\x0atwo\\x09three\n',          '[    0.000000] one\n               two\tthree'],
  ['4,1,0,-;last line\\x0a\n',                 '[    0.000000] last line\n'],
  ['4,1,0,-;\\xc3\\xbc \\x5c\n',               '[    0.000000] ü \\'],
  ['4,1,0,-;\\x1b[31m \\xff\n',                '[    0.000000] \\x1b[31m \\xff'],
  ['4,1,0,-;text\n SUBSYSTEM=acpi\n',          '[    0.000000] text'],
])('the record %j is printed %j', (raw, printed) => {
  expect(formatRecord(parseRecord(raw))).toBe(printed);
});

test('a record has a facility and a level', () => {
  expect(parseRecord('12,7,42,-;text\n')).toEqual({
    sequence: 7,
    facility: 1,
    level: 4,
    time_us: 42,
    text: 'text',
  });
});

test('columns are as wide as their widest cell', () => {
  const rows = [
    ['A', 'LONG', 'C'],
    ['aaa', 'b', 'c c'],
    ['a', 'b', ''],
  ];
  expect(formatTable(rows)).toBe('A    LONG  C\naaa  b     c c\na    b\n');
  expect(formatTable([])).toBe('');
});

test('tasks are printed with the words of the transition', () => {
  const tasks = [reader, { ...reader, patch_state: 1 }, { ...reader, patch_state: -1, stack: [] }];

  expect(formatTasks(tasks)).toBe(
    [
      'PID   KIND  STATE          CPU  PATCH      COMM    STACK',
      '4242  user  interruptible  1    unpatched  reader  schedule cmdline_proc_show',
      '4242  user  interruptible  1    patched    reader  schedule cmdline_proc_show',
      '4242  user  interruptible  1    -          reader',
      '',
    ].join('\n'),
  );
});

test('of many tasks that stay behind a few are named', () => {
  const behind = Array.from({ length: 8 }, (_, index) => ({ ...straggler, pid: index }));

  expect(describeBehind({ all: 10, behind: behind.slice(0, 5) })).toHaveLength(5);
  expect(describeBehind({ all: 10, behind })).toEqual([
    ...[0, 1, 2, 3, 4].map((pid) => `reader (pid ${pid}, interruptible): cmdline_proc_show`),
    'and 3 more; `klpfs why` shows them all',
  ]);
});

test('the status names machine, patches, objects, functions, and who stays behind', () => {
  const machine = { mount: '/m', release: '6.1', cpus: 1, uptime_seconds: 12.5 };
  const objects = [
    { name: 'nfsd', patched: false, funcs: [] },
    {
      name: 'vmlinux',
      patched: true,
      funcs: [
        { name: 'cmdline_proc_show', sympos: 1 },
        { name: 'vfs_read', sympos: 2 },
      ],
    },
  ];
  const patch = { name: 'fix', enabled: false, transition: true, refcnt: 1, objects };
  const patches = [{ ...patch, tasks: { all: 3, behind: [straggler] } }];

  expect(formatStatus({ ...machine, clock: 'manual', patches })).toBe(`\
machine on /m
  Linux 6.1, 1 cpu, up 12.50 s, manual clock
patch fix: disabled, in transition, module refcnt 1
  nfsd (not patched): no functions
  vmlinux: cmdline_proc_show, vfs_read,2
  2 of 3 tasks have switched to unpatched; these are not yet:
    reader (pid 4242, interruptible): cmdline_proc_show
`);
  expect(formatStatus({ ...machine, cpus: 2, clock: 'real', patches: [] })).toBe(
    'machine on /m\n  Linux 6.1, 2 cpus, up 12.50 s\nno patches\n',
  );
});

test.each([
  ['/home/u/klp', '/state', '/state/klpfs/home-u-klp.log'],
  ['/home/u/klp', 'relative', `${homedir()}/.local/state/klpfs/home-u-klp.log`],
  ['/home/u/klp', undefined, `${homedir()}/.local/state/klpfs/home-u-klp.log`],
  ['/', '/state', '/state/klpfs/root.log'],
])('the log of a machine on %s, with state in %s, is %s', (directory, stateHome, expected) => {
  expect(defaultLogFile(directory, stateHome)).toBe(expected);
});
