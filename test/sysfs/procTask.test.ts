/** /proc/PID: every file of a task, in the formats of Linux. */
import { expect, test } from 'vitest';
import { O_RDWR } from '../../src/abi/mode.ts';
import type { Release } from '../../src/abi/release.ts';
import type { Step } from '../../src/engine/sched/program.ts';
import { wakeTask } from '../../src/engine/sched/scheduler.ts';
import { findTask } from '../../src/engine/sched/task.ts';
import { Machine } from '../support/machine.ts';
import { aTask, sleeperIn } from '../support/tasks.ts';

const FUNCTIONS = [{ name: 'outer' }, { name: 'inner' }, { name: 'schedule' }];
const sleepIn = (...functions: string[]): Step => ({
  kind: 'sleep',
  functions,
  state: 'interruptible',
  durationNs: undefined,
});
const KTHREAD = { kthread: true, program: [sleepIn('outer', 'schedule')] };

/** init, kthreadd, a kthread 20, a process 30 that sleeps and one, 31, that computes. */
const machineOf = (release: Release = '6.1') =>
  new Machine({
    release,
    cpus: 2,
    functions: FUNCTIONS,
    tasks: [
      aTask({ comm: 'init', pid: 1, cpu: 1, program: [sleepIn('outer')] }),
      aTask({ ...KTHREAD, comm: 'kthreadd', pid: 2 }),
      aTask({ ...KTHREAD, comm: 'ksoftirqd/0', pid: 20 }),
      aTask({ comm: 'sleeper', pid: 30, cpu: 1, program: [sleepIn('outer', 'inner', 'schedule')] }),
      aTask({ comm: 'busy', pid: 31, program: [{ kind: 'compute', durationNs: 1e12 }] }),
    ],
  });

const statusOf = (machine: Machine, pid: number) =>
  new Map(
    machine
      .cat(`proc/${pid}/status`)
      .split('\n')
      .map((line) => line.split(/:\t/, 2) as [string, string]),
  );

test('the files of a process and of its thread, with the modes of Linux', () => {
  const machine = machineOf();
  const modesIn = (path: string) =>
    machine.ls(path).map((name) => {
      const mode = machine.find(`${path}/${name}`)?.attributes().mode ?? 0;
      return `${name} ${(mode & 0o7777).toString(8)}`;
    });
  const files = [
    'status 444',
    'comm 644',
    'cmdline 444',
    'stat 444',
    'wchan 444',
    'stack 400',
    'patch_state 400',
  ];
  expect(modesIn('proc/30')).toEqual(['task 555', ...files]);
  expect(modesIn('proc/30/task')).toEqual(['30 555']);
  expect(modesIn('proc/30/task/30')).toEqual(files);
  expect(machine.cat('proc/30/task/31/comm')).toBe('ENOENT');
  expect(machine.cat('proc/30/nosuch')).toBe('ENOENT');
});

test('every file and directory of every task has an inode number of its own', () => {
  const machine = machineOf();
  const inos: number[] = [];
  const collect = (path: string) => {
    inos.push(machine.find(path)?.ino ?? 0);
    for (const name of machine.ls(path)) collect(`${path}/${name}`);
  };
  collect('proc/30');
  collect('proc/31');
  expect(inos).toHaveLength(2 * (1 + 8 + 1 + 7));
  expect(new Set(inos).size).toBe(inos.length);
});

const ZEROS = (count: number) => Array(count).fill('0').join(' ');
const ENDLESS = '18446744073709551615';

// biome-ignore format: the columns are the point
test.each<[what: string, pid: number, start: string, ignored: string, end: string]>([
  // what            pid  pid to flags                               sigignore     wchan to policy
  ['init',           1,   '1 (init) S 0 1 1 0 -1 4194304',            '0',          '1 0 0 17 1 0 0'],
  ['kthreadd',       2,   '2 (kthreadd) S 0 0 0 0 -1 2129984',        '2147483647', '1 0 0 0 0 0 0' ],
  ['an idle kworker', 3,  '3 (kworker/0:0) I 2 0 0 0 -1 69238880',    '2147483647', '1 0 0 17 0 0 0'],
  ['a kthread',      20,  '20 (ksoftirqd/0) S 2 0 0 0 -1 2129984',    '2147483647', '1 0 0 17 0 0 0'],
  ['a sleeper',      30,  '30 (sleeper) S 1 30 30 0 -1 4194304',      '0',          '1 0 0 17 1 0 0'],
  ['a busy process', 31,  '31 (busy) R 1 31 31 0 -1 4194304',         '0',          '0 0 0 17 0 0 0'],
])('stat of %s', (_what, pid, start, ignored, end) => {
  const stat = machineOf().cat(`proc/${pid}/stat`);
  expect(stat).toBe(
    `${start} ${ZEROS(8)} 20 0 1 0 0 0 0 ${ENDLESS} ${ZEROS(7)} ${ignored} 0 ${end} ${ZEROS(11)}`,
  );
  expect(stat.split(' ')).toHaveLength(52);
});

test('stat: before 5.16, the wchan of a task that is nowhere in the kernel is 0', () => {
  const wchanField = (release: Release) => {
    const machine = machineOf(release);
    sleeperIn(machine);
    return [30, 4242].map((pid) => machine.cat(`proc/${pid}/stat`).split(' ')[34]);
  };
  expect(wchanField('4.15')).toEqual(['1', '0']);
  expect(wchanField('6.1')).toEqual(['1', '1']);
});

// biome-ignore format: the columns are the point
test.each<[state: string, program: Step[]]>([
  ['S (sleeping)',   [sleepIn('outer')]],
  ['D (disk sleep)', [{ kind: 'sleep', functions: [], state: 'uninterruptible', durationNs: undefined }]],
  ['D (disk sleep)', [{ kind: 'sleep', functions: [], state: 'killable', durationNs: undefined }]],
  ['T (stopped)',    [sleepIn('outer')]],
  ['R (running)',    [{ kind: 'compute', durationNs: 1e12 }]],
])('state %s', (state, program) => {
  const machine = new Machine({ functions: FUNCTIONS, tasks: [aTask({ pid: 30, program })] });
  if (state === 'T (stopped)') machine.write('STOP 30', 'control/kill');
  expect(statusOf(machine, 30).get('State')).toBe(state);
  expect(machine.cat('proc/30/stat').split(' ')[2]).toBe(state[0]);
});

const NO_SIGNALS = '0'.repeat(16);
const NODES = `${'00000000,'.repeat(31)}00000001`;

test('status of a process', () => {
  expect(machineOf().cat('proc/30/status')).toBe(`Name:\tsleeper
Umask:\t0022
State:\tS (sleeping)
Tgid:\t30
Ngid:\t0
Pid:\t30
PPid:\t1
TracerPid:\t0
Uid:\t0\t0\t0\t0
Gid:\t0\t0\t0\t0
FDSize:\t64
Groups:\t 
NStgid:\t30
NSpid:\t30
NSpgid:\t30
NSsid:\t30
VmPeak:\t       0 kB
VmSize:\t       0 kB
VmLck:\t       0 kB
VmPin:\t       0 kB
VmHWM:\t       0 kB
VmRSS:\t       0 kB
RssAnon:\t       0 kB
RssFile:\t       0 kB
RssShmem:\t       0 kB
VmData:\t       0 kB
VmStk:\t       0 kB
VmExe:\t       0 kB
VmLib:\t       0 kB
VmPTE:\t       0 kB
VmSwap:\t       0 kB
HugetlbPages:\t       0 kB
CoreDumping:\t0
THP_enabled:\t1
Threads:\t1
SigQ:\t0/8000
SigPnd:\t${NO_SIGNALS}
ShdPnd:\t${NO_SIGNALS}
SigBlk:\t${NO_SIGNALS}
SigIgn:\t${NO_SIGNALS}
SigCgt:\t${NO_SIGNALS}
CapInh:\t${NO_SIGNALS}
CapPrm:\t000001ffffffffff
CapEff:\t000001ffffffffff
CapBnd:\t000001ffffffffff
CapAmb:\t${NO_SIGNALS}
NoNewPrivs:\t0
Seccomp:\t0
Seccomp_filters:\t0
Speculation_Store_Bypass:\tnot vulnerable
SpeculationIndirectBranch:\talways enabled
Cpus_allowed:\t3
Cpus_allowed_list:\t0-1
Mems_allowed:\t${NODES}
Mems_allowed_list:\t0
voluntary_ctxt_switches:\t0
nonvoluntary_ctxt_switches:\t0`);
});

test('status of a kthread: no memory, every signal ignored, kthreadd as its parent', () => {
  const machine = machineOf();
  const process = statusOf(machine, 30);
  const kthread = statusOf(machine, 20);
  const missing = [...process.keys()].filter((name) => !kthread.has(name));
  expect(missing.filter((name) => !/^(Vm|Rss)/.test(name))).toEqual([
    'HugetlbPages',
    'CoreDumping',
    'THP_enabled',
  ]);
  expect(missing).toHaveLength(18);
  expect(kthread.get('SigIgn')).toBe('f'.repeat(16));
  expect(kthread.get('PPid')).toBe('2');
  expect(kthread.get('NSsid')).toBe('0');
  expect(statusOf(machine, 2).get('PPid')).toBe('0');
  expect(statusOf(machine, 1).get('PPid')).toBe('0');
});

test('status of 4.15 has no lines that came later, and fewer capabilities', () => {
  const old = statusOf(machineOf('4.15'), 30);
  const later = [...statusOf(machineOf('6.1'), 30).keys()].filter((name) => !old.has(name));
  expect(later).toEqual([
    'THP_enabled',
    'Seccomp_filters',
    'Speculation_Store_Bypass',
    'SpeculationIndirectBranch',
  ]);
  expect(old.get('CapEff')).toBe('0000003fffffffff');
});

// biome-ignore format: the columns are the point
test.each([
  // cpus  mask                  list    of the last kworker
  [1,      '1',                  '0',    '1',                 '0' ],
  [3,      '7',                  '0-2',  '4',                 '2' ],
  [6,      '3f',                 '0-5',  '20',                '5' ],
  [40,     'ff,ffffffff',        '0-39', '80,00000000',       '39'],
])('%i cpus as a mask and as a list', (cpus, mask, list, workerMask, workerList) => {
  const machine = new Machine({ cpus, tasks: [aTask({ pid: 1000 })] });
  const allowed = (pid: number) => {
    const status = statusOf(machine, pid);
    return [status.get('Cpus_allowed'), status.get('Cpus_allowed_list')];
  };
  expect(allowed(1000)).toEqual([mask, list]);
  expect(allowed(2 + 2 * cpus)).toEqual([workerMask, workerList]);
});

test('cmdline: the name as its only argument, nothing of kthreads', () => {
  const machine = machineOf();
  expect(machine.cat('proc/30/cmdline')).toBe('sleeper\0');
  expect(machine.cat('proc/20/cmdline')).toBe('');
  expect(machine.cat('proc/3/cmdline')).toBe('');
});

test('wchan: the innermost function that is none of the scheduler, 0 for who runs', () => {
  const machine = machineOf();
  const wchanOf = (pid: number) => {
    const bytes = machine.finish(machine.open(`proc/${pid}/wchan`, 0).read(0, 100));
    return String.fromCharCode(...bytes);
  };
  expect(wchanOf(30)).toBe('inner');
  expect(wchanOf(20)).toBe('outer');
  expect(wchanOf(31)).toBe('0');
  sleeperIn(machine);
  expect(wchanOf(4242)).toBe('0');
});

test('wchan: 0 also for who has been woken inside a function', () => {
  const machine = machineOf();
  wakeTask(machine.kernel, findTask(machine.kernel.tasks, 30) ?? 0, 'woken');
  expect(machine.cat('proc/30/stack')).toContain('inner');
  expect(machine.cat('proc/30/wchan')).toBe('0');
});

// biome-ignore format: the columns are the point
test.each([
  // written                 comm                in stat                  in status
  ['new\n',                  'new\n',            '30 (new) S',            'new'            ],
  ['new',                    'new\n',            '30 (new) S',            'new'            ],
  ['a-name-of-15-by\n',      'a-name-of-15-by\n', '30 (a-name-of-15-by) S', 'a-name-of-15-by'],
  ['longer-than-15-bytes\n', 'longer-than-15-\n', '30 (longer-than-15-) S', 'longer-than-15-'],
  ['\n',                     '\n',               '30 () S',               ''               ],
  ['a\0b\n',                 'a\n',              '30 (a) S',              'a'              ],
  ['a b) c',                 'a b) c\n',         '30 (a b) c) S',         'a b) c'         ],
  ['a\nb\\c\n',              'a\nb\\c\n',        '30 (a\nb\\c) S',        'a\\nb\\\\c'     ],
  ['fünf',                   'fünf\n',           '30 (fünf) S',           'fünf'           ],
])('writing %j to comm', (written, comm, stat, name) => {
  const machine = machineOf();
  expect(machine.write(written, 'proc/30/task/30/comm')).toBe('ok');
  expect(`${machine.cat('proc/30/comm')}\n`).toBe(comm);
  expect(machine.cat('proc/30/stat').slice(0, stat.length)).toBe(stat);
  expect(statusOf(machine, 30).get('Name')).toBe(name);
});

test('kthreads are renamed, too', () => {
  const machine = machineOf();
  expect(machine.echo('other', 'proc/20/comm')).toBe('ok');
  expect(machine.cat('proc/20/comm')).toBe('other');
});

test.each(['status', 'cmdline', 'stat', 'wchan', 'stack', 'patch_state'])(
  '%s cannot be written',
  (name) => {
    expect(machineOf().write('1', `proc/30/${name}`)).toBe('EINVAL');
  },
);

test('attributes: no other mode, but a truncation succeeds', () => {
  const machine = machineOf();
  const change = (attributes: { mode?: number; sizeBytes?: number }) =>
    machine.attempt(() => {
      machine.file('proc/30/comm').change(attributes);
      return 'ok';
    });
  expect(change({ mode: 0o666 })).toBe('EPERM');
  expect(change({ sizeBytes: 0 })).toBe('ok');
});

test('a task that is gone: ENOENT where names are looked up, ESRCH from open files', () => {
  const machine = machineOf();
  sleeperIn(machine, 'outer');
  const process = machine.find('proc/4242');
  const names = ['status', 'comm', 'cmdline', 'stat', 'wchan', 'stack', 'patch_state'];
  const files = names.map((name) => machine.open(`proc/4242/${name}`, O_RDWR));
  machine.write('4242', 'control/wake');
  machine.write('4242', 'control/wake');

  for (const file of files) {
    expect(machine.attempt(() => String(machine.finish(file.read(0, 10))))).toBe('ESRCH');
  }
  const rename = () => String(files[1]?.write(0, new Uint8Array(1)));
  expect(machine.attempt(rename)).toBe('ESRCH');
  expect(machine.cat('proc/4242/comm')).toBe('ENOENT');
  if (process?.kind !== 'directory') throw new Error('/proc/PID is a directory');
  expect(process.lookup('comm')).toBeUndefined();
  expect(machine.attempt(() => String([...process.list()]))).toBe('ENOENT');
});

test('a text that was read in part goes on as it was, even if the task is gone', () => {
  const machine = machineOf();
  sleeperIn(machine, 'outer');
  const file = machine.open('proc/4242/comm', 0);
  const read = (offset: number) => String.fromCharCode(...machine.finish(file.read(offset, 4)));
  expect(read(0)).toBe('slee');
  machine.write('4242', 'control/wake');
  machine.write('4242', 'control/wake');
  expect(read(4)).toBe('per\n');
});
