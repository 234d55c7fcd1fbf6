/**
 * tracefs: the function tracer beside livepatches, as a shell sees it. What 6.1 answers here is what
 * a 6.1 kernel answered to the same commands.
 *
 * Source: kernel/trace/{trace,ftrace}.c.
 */
import { expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../src/abi/bytes.ts';
import { O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from '../../src/abi/mode.ts';
import { RELEASES, type Release } from '../../src/abi/release.ts';
import { readMachine } from '../../src/daemon/readMachine.ts';
import { bootKernel } from '../../src/engine/boot.ts';
import { lookupName } from '../../src/engine/kallsyms.ts';
import { isContext } from '../../src/engine/sched/context.ts';
import { interruptRequest, startRequest } from '../../src/engine/sched/request.ts';
import type { Outcome } from '../../src/engine/sched/scheduler.ts';
import { readPathOf } from '../../src/engine/vmlinux.ts';
import { toBootOptions } from '../../src/machine/bootOptions.ts';
import { isNoinstr, VMLINUX_SYMBOLS } from '../../src/machine/vmlinuxSymbols.ts';
import { Machine, type MachineOptions } from '../support/machine.ts';
import { cmdlinePatch } from '../support/modules.ts';

const T = 'sys/kernel/tracing';
const NEW = 'livepatch_cmdline_proc_show';
const SYSCTL = 'proc/sys/kernel/ftrace_enabled';

function aMachine(release: Release, options: MachineOptions = {}): Machine {
  const functions = readPathOf(release).map((name) => ({
    name,
    traceable: !name.startsWith('entry_') && !isNoinstr(name, release),
  }));
  return new Machine({ release, functions, modules: [cmdlinePatch('p')], ...options });
}

/** The lines of the trace, without times and pids. */
function traced(machine: Machine): string[] {
  return machine
    .cat(`${T}/trace`)
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/^.*: /, ''));
}

test.each(RELEASES)(
  '%s: the default machine has every function on the way of a read',
  (release) => {
    const names = new Set(
      VMLINUX_SYMBOLS.map((symbol) => (typeof symbol === 'string' ? symbol : symbol.name)),
    );
    expect(readPathOf(release).filter((name) => !names.has(name))).toEqual([]);
  },
);

// biome-ignore format: the columns are the point
test.each<[Release, name: string, traceable: boolean]>([
  ['4.15', 'do_syscall_64', true ],
  ['6.1',  'do_syscall_64', false],
  ['6.1',  'ksys_read',     true ],
  ['6.1',  '__schedule',    false],
])('%s: on the default machine %s is traceable: %s', (release, name, traceable) => {
  const machine = readMachine(`release: "${release}"`, 'test.yaml', {});
  const { kallsyms } = bootKernel(toBootOptions(machine, [], 0));
  expect(lookupName(kallsyms, name)?.traceable).toBe(traceable);
});

// biome-ignore format: the columns are the point
test.each<[Release, caller: string, path: string[]]>([
  ['4.15', 'seq_read', [
    'do_syscall_64 <-entry_SYSCALL_64_after_hwframe', 'SyS_read <-do_syscall_64', 'vfs_read <-SyS_read',
    '__vfs_read <-vfs_read', 'proc_reg_read <-__vfs_read', 'seq_read <-proc_reg_read']],
  ['6.1', 'seq_read_iter', [
    'ksys_read <-do_syscall_64', 'vfs_read <-ksys_read',
    'proc_reg_read_iter <-vfs_read', 'seq_read_iter <-proc_reg_read_iter']],
])('%s: the new version of a function is traced with the caller of the old one', (release, caller, path) => {
  const machine = aMachine(release);
  machine.insmod('p');
  expect(machine.echo(NEW, `${T}/set_ftrace_filter`)).toBe('ok');
  expect(machine.cat(`${T}/set_ftrace_filter`)).toBe(`${NEW} [p]`);
  expect(machine.echo('function', `${T}/current_tracer`)).toBe('ok');
  expect(machine.cat('proc/cmdline')).toBe('p');
  expect(traced(machine)).toEqual([`${NEW} <-${caller}`]);

  machine.append('cmdline_proc_show', `${T}/set_ftrace_filter`);
  machine.echo('', `${T}/trace`);
  expect(machine.cat('proc/cmdline')).toBe('p');
  expect(traced(machine)).toEqual([`cmdline_proc_show <-${caller}`, `${NEW} <-${caller}`]);

  machine.echo('', `${T}/set_ftrace_filter`);
  machine.echo('', `${T}/trace`);
  machine.cat('proc/cmdline');
  expect(traced(machine)).toEqual([
    ...path,
    `cmdline_proc_show <-${caller}`,
    `${NEW} <-${caller}`,
  ]);
});

test('4.15: the trace to the byte', () => {
  const machine = aMachine('4.15', { cpus: 2 });
  machine.advance(1_234_567.891);
  machine.echo('cmdline_proc_show', `${T}/set_ftrace_filter`);
  machine.echo('function', `${T}/current_tracer`);
  machine.cat('proc/cmdline');
  expect(`${machine.cat(`${T}/trace`)}\n`.replace(/-\d+ +/, '-PID ')).toBe(`\
# tracer: function
#
# entries-in-buffer/entries-written: 1/1   #P:2
#
#                              _-----=> irqs-off
#                             / _----=> need-resched
#                            | / _---=> hardirq/softirq
#                            || / _--=> preempt-depth
#                            ||| /     delay
#           TASK-PID   CPU#  ||||    TIMESTAMP  FUNCTION
#              | |       |   ||||       |         |
    klpfs-client-PID [000] ....  1234.567891: cmdline_proc_show <-seq_read
`);
});

test('6.1: the trace to the byte; beside a livepatch preemption is off', () => {
  const machine = aMachine('6.1', { cpus: 2 });
  expect(`${machine.cat(`${T}/trace`)}\n`).toBe(`\
# tracer: nop
#
# entries-in-buffer/entries-written: 0/0   #P:2
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`);
  machine.echo('*cmdline_proc_show', `${T}/set_ftrace_filter`);
  machine.echo('function', `${T}/current_tracer`);
  machine.cat('proc/cmdline');
  machine.insmod('p');
  machine.append('*cmdline_proc_show', `${T}/set_ftrace_filter`);
  machine.advance(5000);
  machine.cat('proc/cmdline');
  expect(machine.cat(`${T}/trace`).split('\n').slice(-3)).toEqual([
    expect.stringMatching(
      /^ {4}klpfs-client-\d{3} {5}\[000\] \.{5} {5}0\.000000: cmdline_proc_show <-seq_read_iter$/,
    ),
    expect.stringMatching(
      /^ {4}klpfs-client-\d{3} {5}\[000\] \.{3}1\. {5}5\.000000: cmdline_proc_show <-seq_read_iter$/,
    ),
    expect.stringMatching(
      /^ {4}klpfs-client-\d{3} {5}\[000\] \.{5} {5}5\.000000: livepatch_cmdline_proc_show <-seq_read_iter$/,
    ),
  ]);
});

// biome-ignore format: the columns are the point
test.each<[Release, tracer: RegExp, both: string]>([
  ['4.15', /^cmdline_proc_show \(1\) {4}\ttramp: 0x[0-9a-f]{16} \(function_trace_call\+0x0\/0x140\) ->function_trace_call\+0x0\/0x140$/,
    'cmdline_proc_show (2) R I ->ftrace_ops_list_func+0x0/0x190'],
  ['6.1', /^cmdline_proc_show \(1\) {6}\ttramp: 0x[0-9a-f]{16} \(function_trace_call\+0x0\/0x120\) ->function_trace_call\+0x0\/0x120$/,
    'cmdline_proc_show (2)   I   ->arch_ftrace_ops_list_func+0x0/0x1d0'],
])('%s: enabled_functions tells a tracer alone from one beside a livepatch', (release, tracer, both) => {
  const machine = aMachine(release);
  machine.echo('cmdline_proc_show', `${T}/set_ftrace_filter`);
  expect(machine.cat(`${T}/enabled_functions`)).toBe('');
  machine.echo('function', `${T}/current_tracer`);
  expect(machine.cat(`${T}/enabled_functions`)).toMatch(tracer);
  machine.insmod('p');
  expect(machine.cat(`${T}/enabled_functions`)).toBe(both);

  machine.echo(NEW, `${T}/set_ftrace_filter`);
  expect(machine.cat(`${T}/enabled_functions`).split('\n').map((line) => line.split(')')[0])).toEqual([
    'cmdline_proc_show (1', `${NEW} [p] (1`]);
});

test('4.15: ftrace_enabled is 0 at any time, and then the original runs', () => {
  const machine = aMachine('4.15');
  machine.insmod('p');
  expect([machine.echo('0', SYSCTL), machine.cat(SYSCTL)]).toEqual(['ok', '0']);
  expect(machine.cat('proc/cmdline')).toBe('quiet');
  expect(machine.cat(`${T}/enabled_functions`)).toBe('');
  machine.echo('0', 'p/enabled');
  expect([machine.echo('1', 'p/enabled'), machine.cat('p/enabled')]).toEqual(['ok', '1']);
  expect(machine.cat('proc/cmdline')).toBe('quiet');
  expect(machine.echo('1', SYSCTL)).toBe('ok');
  expect(machine.cat('proc/cmdline')).toBe('p');
});

test('6.1: a livepatch holds ftrace_enabled, and cannot be enabled while it is 0', () => {
  const machine = aMachine('6.1');
  machine.echo('0', SYSCTL);
  expect(machine.insmod('p')).toBe('EBUSY');
  expect(machine.dmesg().filter((line) => line.startsWith('livepatch'))).toEqual([
    "livepatch: enabling patch 'p'",
    "livepatch: failed to register ftrace handler for function 'cmdline_proc_show' (-16)",
    "livepatch: failed to patch object 'vmlinux'",
    "livepatch: failed to enable patch 'p'",
    "livepatch: 'p': unpatching complete",
  ]);
  machine.echo('1', SYSCTL);
  expect(machine.insmod('p')).toBe('ok');
  expect([machine.echo('0', SYSCTL), machine.cat(SYSCTL)]).toEqual(['EBUSY', '1']);
  expect(machine.cat('proc/cmdline')).toBe('p');
  machine.echo('0', 'p/enabled');
  machine.advance(3000);
  expect(machine.echo('0', SYSCTL)).toBe('ok');
});

// biome-ignore format: the columns are the point
test.each([
  ['1',           'ok',     '1' ],
  ['5',           'ok',     '5' ],
  ['-1',          'ok',     '-1'],
  [' 1',          'ok',     '1' ],
  ['1 2',         'ok',     '1' ],
  ['0x10',        'ok',     '16'],
  ['x',           'EINVAL', '1' ],
  ['1x',          'EINVAL', '1' ],
  ['',            'EINVAL', '1' ],
  ['99999999999', 'EINVAL', '1' ],
])('ftrace_enabled: %j is %s, then it is %s', (text, answer, value) => {
  const machine = aMachine('6.1');
  machine.insmod('p');
  expect([machine.echo(text, SYSCTL), machine.cat(SYSCTL)]).toEqual([answer, value]);
});

const NAMES = ['seq_printf', 'seq_puts', 'seq_read'];

// biome-ignore format: the columns are the point
test.each<[words: string, answer: string, chosen: string[]]>([
  ['seq_puts',               'ok',     ['seq_puts']                        ],
  ['seq_puts seq_printf',    'ok',     ['seq_printf', 'seq_puts']          ],
  ['seq_p*',                 'ok',     ['seq_printf', 'seq_puts']          ],
  ['*_read',                 'ok',     ['seq_read']                        ],
  ['*_put*',                 'ok',     ['seq_puts']                        ],
  ['c*e_proc_show',          'ok',     ['cmdline_proc_show']               ],
  ['seq_?uts',               'ok',     ['seq_puts']                        ],
  ['seq_[pq]*',              'ok',     ['seq_printf', 'seq_puts']          ],
  ['seq_[!p]*',              'ok',     ['seq_read']                        ],
  ['seq_[a-m]*',             'EINVAL', []                                  ],
  ['seq_[z-a]*',             'EINVAL', []                                  ],
  ['seq_p* !seq_puts',       'ok',     ['seq_printf']                      ],
  ['seq_puts !seq_read',     'ok',     ['seq_puts']                        ],
  ['seq_p* !*',              'ok',     []                                  ],
  ['*:mod:p',                'ok',     [`${NEW} [p]`]                      ],
  ['*:mod:q',                'EINVAL', []                                  ],
  ['seq_puts:traceoff',      'EINVAL', []                                  ],
  ['nosuch',                 'EINVAL', []                                  ],
  ['!nosuch',                'EINVAL', []                                  ],
  ['notrace',                'EINVAL', []                                  ],
  ['.*',                     'EINVAL', []                                  ],
  ['seq_puts nosuch seq_read', 'EINVAL', ['seq_puts']                      ],
  ['',                       'ok',     []                                  ],
])('set_ftrace_filter: %j is %s', (words, answer, chosen) => {
  const machine = new Machine({
    release: '6.1',
    functions: [...NAMES.map((name) => ({ name })), { name: 'notrace', traceable: false }],
    modules: [cmdlinePatch('p')],
  });
  machine.insmod('p');
  machine.echo('0', 'p/enabled');
  machine.advance(2000);
  expect(machine.echo(words, `${T}/set_ftrace_filter`)).toBe(answer);
  const text = machine.cat(`${T}/set_ftrace_filter`);
  expect(text).toBe(chosen.join('\n') || '#### all functions enabled ####');
});

test('>> adds to the filter, > begins anew, and nobody sees all functions in between', () => {
  const machine = aMachine('4.15');
  const filter = `${T}/set_ftrace_filter`;
  machine.echo('vfs_read', filter);
  machine.append('seq_read', filter);
  expect(machine.cat(filter)).toBe('vfs_read\nseq_read');
  machine.echo('function', `${T}/current_tracer`);
  const file = machine.open(filter, O_WRONLY | O_TRUNC);
  machine.cat('proc/cmdline');
  expect(traced(machine)).toEqual(['vfs_read <-SyS_read', 'seq_read <-proc_reg_read']);
  file.release();
  expect(machine.cat(filter)).toBe('#### all functions enabled ####');
});

test('set_ftrace_notrace takes functions out, whatever the filter says', () => {
  const machine = aMachine('4.15');
  expect(machine.cat(`${T}/set_ftrace_notrace`)).toBe('#### no functions disabled ####');
  machine.echo('*read', `${T}/set_ftrace_filter`);
  machine.echo('*vfs*', `${T}/set_ftrace_notrace`);
  machine.echo('function', `${T}/current_tracer`);
  machine.cat('proc/cmdline');
  expect(traced(machine)).toEqual([
    'SyS_read <-do_syscall_64',
    'proc_reg_read <-__vfs_read',
    'seq_read <-proc_reg_read',
  ]);
  expect(machine.cat(`${T}/set_ftrace_notrace`)).toBe('vfs_read\n__vfs_read');
});

test('a function whose module goes is no longer shown, and no other takes its place', () => {
  const machine = aMachine('6.1');
  machine.insmod('p');
  machine.echo(NEW, `${T}/set_ftrace_filter`);
  machine.echo('function', `${T}/current_tracer`);
  machine.echo('0', 'p/enabled');
  machine.advance(2000);
  expect(machine.rmmod('p')).toBe('ok');
  expect(machine.cat(`${T}/set_ftrace_filter`)).toBe('');
  expect(machine.cat(`${T}/enabled_functions`)).toBe('');
  machine.cat('proc/cmdline');
  expect(traced(machine)).toEqual([]);
});

test('available_filter_functions: every call site, those of modules with their module', () => {
  const machine = aMachine('4.15', { functions: [{ name: 'f' }, { name: 'n', traceable: false }] });
  machine.insmod('p');
  const lines = machine.cat(`${T}/available_filter_functions`).split('\n');
  expect(lines).toContain('f');
  expect(lines).not.toContain('n');
  expect(lines.at(-1)).toBe(`${NEW} [p]`);
});

// biome-ignore format: the columns are the point
test.each<[Release, file: string, written: string, answer: string, shown: string]>([
  ['4.15', 'current_tracer', 'function',   'ok',     'function'],
  ['4.15', 'current_tracer', 'func',       'EINVAL', 'nop'     ],
  ['4.15', 'current_tracer', '',           'EINVAL', 'nop'     ],
  ['4.15', 'current_tracer', ' function',  'EINVAL', 'nop'     ],
  ['6.1',  'current_tracer', ' function ', 'ok',     'function'],
  ['6.1',  'current_tracer', 'function x', 'EINVAL', 'nop'     ],
  ['6.1',  'tracing_on',     '0',          'ok',     '0'       ],
  ['6.1',  'tracing_on',     '2',          'ok',     '1'       ],
  ['6.1',  'tracing_on',     'x',          'EINVAL', '1'       ],
  ['6.1',  'tracing_on',     '',           'EINVAL', '1'       ],
  ['6.1',  'tracing_on',     '-1',         'EINVAL', '1'       ],
  ['6.1',  'tracing_on',     '0x0',        'EINVAL', '1'       ],
  ['6.1',  'tracing_on',     ' 0',         'EINVAL', '1'       ],
  ['6.1',  'available_tracers', 'x',       'EINVAL', 'function nop'],
  ['6.1',  'available_filter_functions', 'x', 'EINVAL', 'vfs_read'],
  ['6.1',  'enabled_functions', 'x',       'EINVAL', ''        ],
])('%s: %s takes %j: %s', (release, file, written, answer, shown) => {
  const machine = aMachine(release);
  expect(machine.echo(written, `${T}/${file}`)).toBe(answer);
  expect(machine.cat(`${T}/${file}`).split('\n')).toContain(shown);
});

test('a trace is cleared by opening it with O_TRUNC or by another tracer, not by a write alone', () => {
  const machine = aMachine('4.15');
  machine.echo('cmdline_proc_show', `${T}/set_ftrace_filter`);
  machine.echo('function', `${T}/current_tracer`);
  machine.cat('proc/cmdline');
  machine.append('', `${T}/trace`);
  machine.echo('function', `${T}/current_tracer`);
  expect(traced(machine)).toEqual(['cmdline_proc_show <-seq_read']);
  machine.open(`${T}/trace`, O_WRONLY | O_TRUNC);
  expect(traced(machine)).toEqual([]);
  machine.cat('proc/cmdline');
  machine.echo('0', `${T}/tracing_on`);
  machine.cat('proc/cmdline');
  expect(traced(machine)).toEqual(['cmdline_proc_show <-seq_read']);
  machine.echo('nop', `${T}/current_tracer`);
  expect(traced(machine)).toEqual([]);
  machine.echo('1', `${T}/tracing_on`);
  machine.cat('proc/cmdline');
  expect(traced(machine)).toEqual([]);
  expect(machine.kernel.ftrace.registered.size).toBe(0);
});

test('a full ring drops the oldest entries, and says how many were written', () => {
  const machine = aMachine('4.15');
  machine.echo('cmdline_proc_show', `${T}/set_ftrace_filter`);
  machine.echo('function', `${T}/current_tracer`);
  for (let read = 0; read < 52_000; read += 1)
    machine.finish(machine.open('proc/cmdline', 0).read(0, 10));
  expect(machine.cat(`${T}/trace`)).toContain('# entries-in-buffer/entries-written: 51040/52000 ');
});

// biome-ignore format: the columns are the point
test.each<[Release, flags: string, open: number, meanwhile: number, afterwards: number]>([
  ['4.15', 'O_RDONLY',         O_RDONLY,           0, 1],
  ['4.15', 'O_RDWR | O_TRUNC', O_RDWR | O_TRUNC,   0, 1],
  ['4.15', 'O_WRONLY',         O_WRONLY,           1, 2],
  ['6.1',  'O_RDONLY',         O_RDONLY,           1, 2],
])('%s: while trace is open with %s calls are recorded or not', (release, _, flags, meanwhile, afterwards) => {
  const machine = aMachine(release);
  machine.echo('cmdline_proc_show', `${T}/set_ftrace_filter`);
  machine.echo('function', `${T}/current_tracer`);
  const [held, another] = [machine.open(`${T}/trace`, flags), machine.open(`${T}/trace`, flags)];
  another.release();
  machine.cat('proc/cmdline');
  expect([traced(machine).length, machine.cat(`${T}/tracing_on`)]).toEqual([meanwhile, '1']);
  held.release();
  machine.cat('proc/cmdline');
  expect(traced(machine)).toHaveLength(afterwards);
});

test('differences: a word without a blank counts at once; calls of one moment have one time', () => {
  const machine = aMachine('6.1');
  expect(machine.write('nosuch', `${T}/set_ftrace_filter`)).toBe('EINVAL');
  const filter = machine.open(`${T}/set_ftrace_filter`, O_WRONLY | O_TRUNC);
  expect(filter.write(0, encodeUtf8('vfs_read'))).toBe(8);
  expect(machine.cat(`${T}/set_ftrace_filter`)).toBe('vfs_read');
  machine.append('seq_read_iter', `${T}/set_ftrace_filter`);
  machine.echo('function', `${T}/current_tracer`);
  machine.cat('proc/modules');
  expect(traced(machine)).toEqual([]);
  machine.cat('proc/cmdline');
  const times = machine.cat(`${T}/trace`).match(/\d+\.\d{6}(?=:)/g) ?? [];
  expect([times.length, new Set(times).size]).toEqual([2, 1]);
});

function startPipe(machine: Machine) {
  const file = machine.open(`${T}/trace_pipe`, 0);
  return (sizeBytes = 4096) => {
    const outcomes: Outcome<Uint8Array>[] = [];
    const answer = file.read(0, sizeBytes);
    const task = isContext(answer)
      ? startRequest(machine.kernel, answer, (outcome) => outcomes.push(outcome))
      : outcomes.push({ value: answer });
    machine.advance(0);
    return {
      task,
      text: () => {
        const [outcome] = outcomes;
        if (!outcome) return 'waits';
        return 'value' in outcome
          ? decodeUtf8(outcome.value).replaceAll(/^.*: /gm, '')
          : outcome.error;
      },
    };
  };
}

test('trace_pipe waits, takes what comes out of the trace, and ends when tracing is off', () => {
  const machine = aMachine('4.15');
  machine.echo('cmdline_proc_show', `${T}/set_ftrace_filter`);
  machine.echo('function', `${T}/current_tracer`);
  const read = startPipe(machine);
  const first = read();
  expect(first.text()).toBe('waits');
  machine.cat('proc/cmdline');
  machine.advance(0);
  expect(first.text()).toBe('cmdline_proc_show <-seq_read\n');
  expect(traced(machine)).toEqual([]);
  expect(machine.cat(`${T}/trace`)).toContain(': 0/0 ');

  const second = read();
  machine.echo('0', `${T}/tracing_on`);
  machine.advance(0);
  expect(second.text()).toBe('');
});

test('trace_pipe: EAGAIN, EINTR, and lines in parts', () => {
  const machine = aMachine('4.15');
  const unblocked = machine.open(`${T}/trace_pipe`, O_NONBLOCK);
  expect(machine.attempt(() => String(machine.finish(unblocked.read(0, 100))))).toBe('EAGAIN');
  const read = startPipe(machine);
  const interrupted = read();
  interruptRequest(machine.kernel, interrupted.task);
  machine.advance(0);
  expect(interrupted.text()).toMatchObject({ code: 'EINTR' });

  machine.echo('seq_read', `${T}/set_ftrace_filter`);
  machine.echo('function', `${T}/current_tracer`);
  machine.cat('proc/cmdline');
  expect(read(60).text() + String(read().text())).toBe('seq_read <-proc_reg_read\n');
  const file = machine.open(`${T}/trace_pipe`, O_RDWR);
  expect(machine.attempt(() => String(file.write(0, new Uint8Array(1))))).toBe('EINVAL');
});

test('tasks and interrupts are traced with who calls them', () => {
  const machine = new Machine({
    functions: ['do_syscall_64', '__handle_irq_event_percpu', 'vfs_write', 'irq_a', 'irq_b'].map(
      (name) => ({ name }),
    ),
    tasks: [
      {
        comm: 'writer',
        pid: 77,
        kthread: false,
        cpu: 0,
        program: [
          { kind: 'call', functions: ['vfs_write'] },
          { kind: 'sleep', functions: [], state: 'interruptible', durationNs: 1e9 },
        ],
        threads: [],
      },
    ],
  });
  machine.echo('function', `${T}/current_tracer`);
  machine.write('0 irq_a irq_b', 'control/irq');
  machine.advance(1001);
  expect(traced(machine)).toEqual([
    'irq_a <-__handle_irq_event_percpu',
    'irq_b <-irq_a',
    'vfs_write <-do_syscall_64',
  ]);
  expect(machine.cat(`${T}/trace`)).toMatch(/^ {10}writer-77 {4}\[000\] \.{4} {5}1\.000010: vfs/m);
});

test('modes and places: tracefs is at tracing and at debug/tracing', () => {
  const machine = aMachine('6.1');
  for (const name of machine.ls(T)) {
    expect(machine.find(`sys/kernel/debug/tracing/${name}`)).toBe(machine.find(`${T}/${name}`));
  }
  const modes = machine.ls(T).map((name) => {
    const { mode } = machine.file(`${T}/${name}`).attributes();
    return `${(mode & 0o777).toString(8)} ${name}`;
  });
  expect(modes).toEqual([
    '440 available_filter_functions',
    '440 available_tracers',
    '640 current_tracer',
    '440 enabled_functions',
    '640 set_ftrace_filter',
    '640 set_ftrace_notrace',
    '640 trace',
    '440 trace_pipe',
    '640 tracing_on',
  ]);
  expect(machine.find('sys/kernel/debug')?.attributes().mode).toBe(0o40700);
  expect(machine.file(SYSCTL).attributes().mode).toBe(0o100644);
});
