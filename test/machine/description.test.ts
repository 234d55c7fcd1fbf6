/** What a description means: defaults, merging, and the machine that comes of it. */
import { expect, test } from 'vitest';
import { RELEASES } from '../../src/abi/release.ts';
import { bootKernel } from '../../src/engine/boot.ts';
import { NS_PER_SECOND } from '../../src/engine/clock.ts';
import { findSymbols } from '../../src/engine/kallsyms.ts';
import { threadsOf } from '../../src/engine/sched/family.ts';
import { listByPid } from '../../src/engine/sched/pass.ts';
import { runMachine } from '../../src/engine/sched/run.ts';
import { findTask, pidOf } from '../../src/engine/sched/task.ts';
import { toBootOptions } from '../../src/machine/bootOptions.ts';
import { createDefaultMachine, defaultMachine } from '../../src/machine/defaultMachine.ts';
import type { MachineDescription } from '../../src/machine/description.ts';
import { modulesLoadedAtBoot } from '../../src/machine/moduleGraph.ts';
import { type MachineOptions, parseMachine } from '../../src/machine/parse.ts';
import { describeMachine } from '../../src/machine/print.ts';
import { builtinModules } from '../../src/modules/builtin.ts';
import { Machine } from '../support/machine.ts';

function parse(text: string, options: MachineOptions = {}): MachineDescription {
  return parseMachine(text, 'm.yaml', { available: builtinModules, options });
}

function boot(description: MachineDescription) {
  return bootKernel(toBootOptions(description, builtinModules, 0));
}

/** Every key, with every form that its value can have. */
const FULL = `
release: "6.1"
cpus: 3
seed: 7
clock: manual
speed: 0.5
reliable_stacktrace: false
cmdline: "quiet: yes # no comment"
symbols:
  vmlinux: [my_fn, my_fn, {name: notrace_fn, traceable: false}, vfs_read, null_fn]
  nfsd: [nfsd_open, nfsd_open]
modules:
  - {name: nfsd, loaded: true, depends: [lockd-x], log_init: nfsd_init, log_exit: bye}
  - name: lockd-x
    intree: false
    parameters:
      tries: {type: int, default: 3, mode: "0600"}
      fast: {type: bool, default: true}
      peer: {type: string}
tasks:
  - {comm: reader, pid: 4242, program: [{sleep_in: [cmdline_proc_show], state: killable}]}
  - {comm: free}
  - comm: busy
    pid: 300
    count: 2
    cpu: 2
    program:
      - {syscall: [vfs_read, nfsd_open]}
      - {user: 1.5ms}
      - {sleep_in: [do_epoll_wait, livepatch_cmdline_proc_show], for: 10us}
      - {repeat: {times: 3, steps: [{signal_event: go}, {wait_for: go}]}}
      - {exit: 1}
  - comm: pool
    program: [{fork: {comm: child, program: [{exit_group: 0}]}}, {wait_child: true}]
    threads:
      - {count: 2, program: [{sleep_in: [vfs_read]}]}
      - {comm: io, pid: 304, cpu: 1, program: [{thread: {comm: one, program: [{exit: 0}]}}]}
  - {comm: "k/0:1", kthread: true, program: [{sleep_in: [worker_thread], for: 1m}, {call: process_one_work}]}
interrupts: [{cpu: 1, every: 2.5ms, call: [my_fn, vfs_read]}]
load: [livepatch-sample, ./fix.yaml]
`;

test.each(RELEASES)('the default machine of %s boots and runs for ten seconds', (release) => {
  const kernel = boot(createDefaultMachine(release, 2));
  expect(runMachine(kernel, 10 * NS_PER_SECOND, () => false)).toBe(true);
  expect(kernel.clock.nowNs).toBe(10 * NS_PER_SECOND);
  expect(kernel.config.version).toBe(`${release}.0`);
});

test.each([1, 2, 4, 64])(
  'the default machine with %i cpus says nothing that a file could not',
  (cpus) => {
    const machine = createDefaultMachine('4.15', cpus);
    expect(parse(describeMachine(machine))).toEqual(machine);
    expect(machine.tasks.filter(({ comm }) => comm.startsWith('migration/'))).toHaveLength(cpus);
  },
);

test('the default machine has the tasks of a small server', () => {
  const kernel = boot(defaultMachine);
  const commOf = (pid: number) => kernel.tasks.comm[findTask(kernel.tasks, pid) ?? -1];
  expect([1, 2, 42, 43, 44, 47, 60].map(commOf)).toEqual([
    'systemd',
    'kthreadd',
    'sshd',
    'cron',
    'nginx',
    'nginx',
    'bash',
  ]);
  expect([3, 4, 5, 6].map(commOf)).toEqual([
    'kworker/0:0',
    'kworker/0:1',
    'kworker/1:0',
    'kworker/1:1',
  ]);
  expect([...listByPid(kernel.tasks)].every((task) => pidOf(kernel.tasks, task) <= 60)).toBe(true);
});

test('a patch of the default machine is through after two passes', () => {
  const { tasks, functions } = toBootOptions(defaultMachine, [], 0);
  const machine = new Machine({ cpus: 2, tasks, functions, modules: builtinModules });
  expect(machine.insmod('livepatch-sample')).toBe('ok');
  machine.advance(3000);
  expect(machine.cat('livepatch_sample/transition')).toBe('0');
  expect(machine.cat('proc/cmdline')).toBe('this has been live patched');
});

test.each(['', '# only a comment', '{}'])('%j is the default machine', (text) => {
  expect(parse(text)).toEqual(defaultMachine);
});

test('JSON is as good as YAML', () => {
  expect(parse(JSON.stringify(parse(FULL)))).toEqual(parse(FULL));
});

test('a description survives being printed', () => {
  expect(parse(describeMachine(parse(FULL)))).toEqual(parse(FULL));
});

test('what is printed is wide enough to read', () => {
  const lines = describeMachine(parse(FULL)).split('\n');
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
  expect(lines).toContain('  - {comm: free}');
});

test('a key replaces the default as a whole; the others keep it', () => {
  const machine = parse('tasks: [{comm: only}]\nspeed: 2');
  expect(machine).toEqual({ ...defaultMachine, tasks: [{ comm: 'only' }], speed: 2 });
});

test('release and cpus choose among the defaults', () => {
  const machine = parse('release: "6.1"\ncpus: 1');
  expect(machine.cmdline).toContain('vmlinuz-6.1.0');
  expect(machine.tasks.map(({ cpu }) => cpu ?? 0)).not.toContain(1);
});

test('options win over the text, and undefined ones do not count', () => {
  const { clock, cpus } = parse('clock: real\ncpus: 4', { clock: 'manual', cpus: undefined });
  expect({ clock, cpus }).toEqual({ clock: 'manual', cpus: 4 });
});

// biome-ignore format: the columns are the point
test.each<[symbols: string, name: string, copies: number]>([
  ['[my_fn]',                               'my_fn',             1],
  ['[my_fn, my_fn]',                        'my_fn',             2],
  ['[vfs_read]',                            'vfs_read',          1],
  ['[vfs_read, vfs_read]',                  'vfs_read',          2],
  ['[cmdline_proc_show]',                   'cmdline_proc_show', 1],
  ['[cmdline_proc_show, cmdline_proc_show]', 'cmdline_proc_show', 2],
  ['[my_fn]',                               'vfs_write',         1],
])('with symbols %s there is %s %i times', (symbols, name, copies) => {
  const kernel = boot(parse(`symbols: {vmlinux: ${symbols}}`));
  expect(findSymbols(kernel.kallsyms, undefined, name)).toHaveLength(copies);
});

test('a function of the default machine can be made untraceable', () => {
  const kernel = boot(parse('symbols: {vmlinux: [{name: vfs_read, traceable: false}]}'));
  expect(findSymbols(kernel.kallsyms, undefined, 'vfs_read')[0]?.traceable).toBe(false);
});

test('a program becomes the steps of the engine', () => {
  const { tasks } = toBootOptions(parse(FULL), [], 0);
  expect(tasks.find(({ comm }) => comm === 'busy')).toEqual({
    comm: 'busy',
    pid: 300,
    count: 2,
    kthread: false,
    cpu: 2,
    threads: [],
    program: [
      { kind: 'call', functions: ['vfs_read', 'nfsd_open'] },
      { kind: 'compute', durationNs: 1_500_000 },
      {
        kind: 'sleep',
        functions: ['do_epoll_wait', 'livepatch_cmdline_proc_show'],
        state: 'interruptible',
        durationNs: 10_000,
      },
      {
        kind: 'repeat',
        times: 3,
        steps: [
          { kind: 'signal', event: 'go' },
          { kind: 'wait', event: 'go' },
        ],
      },
      { kind: 'exit' },
    ],
  });
  expect(tasks.find(({ comm }) => comm === 'reader')?.program).toEqual([
    { kind: 'sleep', functions: ['cmdline_proc_show'], state: 'killable', durationNs: undefined },
  ]);
  expect(tasks.find(({ comm }) => comm === 'k/0:1')?.program).toEqual([
    { kind: 'sleep', functions: ['worker_thread'], state: 'interruptible', durationNs: 6e10 },
    { kind: 'call', functions: ['process_one_work'] },
  ]);
});

test('a task without a pid never gets one that another asks for', () => {
  const { tasks } = boot(parse(FULL));
  const pids = [...listByPid(tasks)].map((task) => pidOf(tasks, task));
  expect(new Set(pids).size).toBe(pids.length);
  expect(tasks.comm[findTask(tasks, 300) ?? -1]).toBe('busy');
  expect(tasks.comm[findTask(tasks, 302) ?? -1]).toBe('free');
});

test('an interrupt comes on its cpu, again and again', () => {
  expect(toBootOptions(parse(FULL), [], 0).interrupts).toEqual([
    { cpu: 1, periodNs: 2_500_000, functions: ['my_fn', 'vfs_read'] },
  ]);
});

test('a process has threads, named as itself unless they have names, on any pids but those asked for', () => {
  const { tasks } = toBootOptions(parse(FULL), [], 0);
  const pool = tasks.find(({ comm }) => comm === 'pool');
  const asleep = [
    { kind: 'sleep', functions: ['vfs_read'], state: 'interruptible', durationNs: undefined },
  ];
  expect(pool?.program).toEqual([
    { kind: 'fork', comm: 'child', steps: [{ kind: 'exit-group' }] },
    { kind: 'wait-child' },
  ]);
  expect(pool?.threads).toEqual([
    { comm: 'pool', pid: undefined, count: 2, cpu: undefined, program: asleep },
    {
      comm: 'io',
      pid: 304,
      count: 1,
      cpu: 1,
      program: [{ kind: 'thread', comm: 'one', steps: [{ kind: 'exit' }] }],
    },
  ]);

  const table = boot(parse(FULL)).tasks;
  const leader = [...listByPid(table)].find((task) => table.comm[task] === 'pool') ?? -1;
  expect(threadsOf(table, leader).map((task) => pidOf(table, task))).toEqual([303, 305, 306, 304]);
});

test('what a module needs is loaded before it', () => {
  expect(modulesLoadedAtBoot(parse(FULL), builtinModules)).toEqual(['lockd_x', 'nfsd']);
});

test('a module of the description loads, logs and shows its parameters', () => {
  const { modules } = toBootOptions(parse(FULL), [], 0);
  const machine = new Machine({ modules });
  machine.insmod('lockd-x', 'tries=4');
  machine.dmesg();
  expect(machine.insmod('nfsd')).toBe('ok');
  expect(machine.cat('sys/module/nfsd/taint')).toBe('');
  expect(machine.cat('sys/module/lockd_x/taint')).toBe('OE');
  expect(machine.cat('sys/module/lockd_x/parameters/tries')).toBe('4');
  expect(machine.cat('sys/module/lockd_x/parameters/fast')).toBe('Y');
  expect(machine.rmmod('nfsd')).toBe('ok');
  expect(machine.dmesg()).toEqual(['nfsd: nfsd_init', 'nfsd: bye']);
});
