/**
 * Kprobes beside livepatches, as a shell sees them. What 6.1 answers here is what a 6.1 kernel
 * answered to the same commands, up to addresses and sizes.
 *
 * Source: kernel/kprobes.c.
 */
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import {
  defineModule,
  type KernelError,
  type Kprobe,
  type ModuleDefinition,
  registerKprobe,
  unregisterKprobe,
} from '../../src/modules/api.ts';
import { builtinModules } from '../../src/modules/builtin.ts';
import { Machine } from '../support/machine.ts';
import { aModule, cmdlinePatch } from '../support/modules.ts';

const D = 'sys/kernel/debug/kprobes';
const E = 'sys/kernel/tracing/enabled_functions';
const SYSCTL = 'proc/sys/kernel/ftrace_enabled';
const CMDLINE = 'cmdline_proc_show';

/** A module whose only task is a probe. */
function probing(name: string, kprobe: Kprobe): ModuleDefinition {
  return defineModule({
    name,
    init: (kernel) => registerKprobe(kernel, kprobe),
    *exit(kernel) {
      yield* unregisterKprobe(kernel, kprobe);
    },
  });
}

const MODULES = [
  ...builtinModules,
  cmdlinePatch('p'),
  aModule({ name: 'target', functions: [{ name: 'f' }] }),
  probing('plain', { symbolName: CMDLINE }),
  probing('post', { symbolName: CMDLINE, postHandler: () => {} }),
  probing('in_target', { symbolName: 'f', postHandler: () => {} }),
  probing('nowhere', { symbolName: 'nosuch' }),
  probing('assembly', { symbolName: 'notrace' }),
];

function aMachine(release: Release): Machine {
  const machine = new Machine({
    release,
    functions: [{ name: 'notrace', traceable: false }],
    modules: MODULES,
  });
  machine.insmod('kthread-demo');
  machine.dmesg();
  return machine;
}

/** As the list and enabled_functions show them, without addresses. */
const shown = (machine: Machine, path: string) =>
  machine.cat(path).replaceAll(/[0-9a-f]{16}/g, 'ADDRESS');

const listed = (code: string) => `ADDRESS  k  ${code} [FTRACE]`;

// biome-ignore format: the columns are the point
test.each<[Release, probe: string, line: string, insmod: string, both: string]>([
  ['4.15', 'plain', ' R I\ttramp: 0xADDRESS (kprobe_ftrace_handler+0x0/0xf0) ->ftrace_ops_assist_func+0x0/0xf0',       'EBUSY', ''],
  ['4.15', 'post',  ' R I\ttramp: 0xADDRESS (kprobe_ftrace_handler+0x0/0xf0) ->ftrace_ops_assist_func+0x0/0xf0',       'EBUSY', ''],
  ['6.1',  'plain', ' R    \ttramp: 0xADDRESS (kprobe_ftrace_handler+0x0/0x1b0) ->kprobe_ftrace_handler+0x0/0x1b0', 'ok',
    `${CMDLINE} (2) R I   ->arch_ftrace_ops_list_func+0x0/0x1d0`],
  ['6.1',  'post',  ' R I  \ttramp: 0xADDRESS (kprobe_ftrace_handler+0x0/0x1b0) ->kprobe_ftrace_handler+0x0/0x1b0', 'EBUSY', ''],
])('%s: a livepatch of a function with a %s probe', (release, probe, line, insmod, both) => {
  const machine = aMachine(release);
  expect(machine.insmod(probe)).toBe('ok');
  expect(shown(machine, `${D}/list`)).toBe(listed(`${CMDLINE}+0x0   `));
  const alone = `${CMDLINE} (1)${line}`;
  expect(shown(machine, E)).toBe(alone);

  expect(machine.insmod('p')).toBe(insmod);
  machine.advance(3000);
  expect(machine.cat('proc/cmdline')).toBe(insmod === 'ok' ? 'p' : 'quiet');
  expect(shown(machine, E)).toBe(both || alone);
  expect(machine.rmmod(probe)).toBe('ok');
  expect([machine.cat(`${D}/list`), machine.kernel.kprobes.sites.size]).toEqual(['', 0]);
  expect(machine.cat(E).includes('kprobe')).toBe(false);
});

// biome-ignore format: the columns are the point
test.each<[Release, probe: string, answer: string, log: string[]]>([
  ['4.15', 'plain', 'ok',    ['Failed to init kprobe-ftrace (-16)']],
  ['4.15', 'post',  'ok',    ['Failed to init kprobe-ftrace (-16)']],
  ['6.1',  'plain', 'ok',    []],
  ['6.1',  'post',  'EBUSY', []],
])('%s: a %s probe of a function with a livepatch is %s', (release, probe, answer, log) => {
  const machine = aMachine(release);
  machine.insmod('p');
  machine.advance(3000);
  machine.dmesg();
  expect(machine.insmod(probe)).toBe(answer);
  expect(machine.dmesg()).toEqual(log);
  expect(machine.cat('proc/cmdline')).toBe('p');
  expect(machine.cat(`${D}/list`) !== '').toBe(answer === 'ok');
});

test('the handlers see the calls, whichever version runs, those before the function first', () => {
  const seen: string[] = [];
  const tell =
    (which: string): NonNullable<Kprobe['preHandler']> =>
    (_kernel, _task, { name }) => {
      seen.push(`${which} ${name}`);
    };
  const machine = new Machine({
    release: '6.1',
    modules: [
      cmdlinePatch('p'),
      probing('one', { symbolName: CMDLINE, preHandler: tell('pre') }),
      probing('two', {
        symbolName: 'uptime_proc_show',
        preHandler: tell('pre'),
        postHandler: tell('post'),
      }),
      probing('new', { symbolName: `livepatch_${CMDLINE}`, preHandler: tell('pre') }),
    ],
  });
  for (const name of ['p', 'one', 'two', 'new']) expect(machine.insmod(name)).toBe('ok');
  machine.cat('proc/cmdline');
  machine.cat('proc/uptime');
  machine.cat('proc/version');
  const all = [
    `pre ${CMDLINE}`,
    `pre livepatch_${CMDLINE}`,
    'pre uptime_proc_show',
    'post uptime_proc_show',
  ];
  expect(seen).toEqual(all);

  machine.echo('0', `${D}/enabled`);
  machine.cat('proc/cmdline');
  machine.echo('1', `${D}/enabled`);
  expect(machine.rmmod('one')).toBe('ok');
  machine.cat('proc/cmdline');
  expect(seen).toEqual([...all, `pre livepatch_${CMDLINE}`]);
});

test('6.1: probes are disarmed and armed again, as far as livepatches let them', () => {
  const machine = aMachine('6.1');
  machine.insmod('post');
  machine.dmesg();
  expect(machine.echo('0', `${D}/enabled`)).toBe('ok');
  expect([machine.cat(`${D}/enabled`), machine.cat(E)]).toEqual(['0', '']);
  expect(shown(machine, `${D}/list`)).toBe(listed(`${CMDLINE}+0x0   `));
  expect(machine.dmesg()).toEqual(['kprobes: Kprobes globally disabled']);

  machine.insmod('p');
  machine.advance(3000);
  machine.dmesg();
  expect([machine.echo('1', `${D}/enabled`), machine.cat(`${D}/enabled`)]).toEqual(['EBUSY', '1']);
  expect(machine.dmesg()).toEqual([
    'kprobes: Kprobes globally enabled, but failed to enable 1 out of 1 probes. Please check which kprobes are kept disabled via debugfs.',
  ]);
  expect([machine.echo('1', `${D}/enabled`), machine.dmesg()]).toEqual(['ok', []]);
  expect(machine.cat('proc/cmdline')).toBe('p');

  expect([machine.echo('0', `${D}/enabled`), machine.cat(`${D}/enabled`)]).toEqual(['ENOENT', '0']);
  expect(machine.dmesg()).toEqual([
    `Failed to disarm kprobe-ftrace at ${CMDLINE}+0x0/0x40 (error -2)`,
    'kprobes: Kprobes globally disabled, but failed to disable 1 out of 1 probes. Please check which kprobes are kept enabled via debugfs.',
  ]);
});

test('4.15: what cannot be armed is told in the log alone', () => {
  const machine = aMachine('4.15');
  machine.insmod('plain');
  machine.echo('0', `${D}/enabled`);
  expect(machine.insmod('p')).toBe('ok');
  machine.dmesg();
  expect(machine.echo('1', `${D}/enabled`)).toBe('ok');
  expect(machine.dmesg()).toEqual([
    'Failed to init kprobe-ftrace (-16)',
    'Kprobes globally enabled',
  ]);
  expect(machine.cat('proc/cmdline')).toBe('p');
  expect(machine.echo('0', `${D}/enabled`)).toBe('ok');
  expect(machine.dmesg()).toContain('Kprobes globally disabled');
});

test('a probe that comes while all are disarmed is armed with them', () => {
  const machine = aMachine('6.1');
  machine.echo('0', `${D}/enabled`);
  expect(machine.insmod('post')).toBe('ok');
  expect([machine.cat(`${D}/list`) !== '', machine.cat(E)]).toEqual([true, '']);
  expect(machine.echo('1', `${D}/enabled`)).toBe('ok');
  expect(machine.cat(E)).toContain('kprobe_ftrace_handler');
  expect([machine.echo('0', SYSCTL), machine.cat(E)]).toEqual(['ok', '']);
});

test('several probes at a function are lines of their own, and one user of it', () => {
  const machine = aMachine('6.1');
  machine.insmod('plain');
  machine.insmod('post');
  machine.insmod('target');
  machine.insmod('in_target');
  const line = listed(`${CMDLINE}+0x0   `);
  expect(shown(machine, `${D}/list`)).toBe([line, line, listed('f+0x0  target')].join('\n'));
  expect(
    machine
      .cat(E)
      .split('\n')
      .map((users) => users.split(')')[0]),
  ).toEqual([`${CMDLINE} (1`, 'f [target] (1']);
  machine.rmmod('plain');
  expect(shown(machine, `${D}/list`)).toBe([line, listed('f+0x0  target')].join('\n'));
  expect(machine.cat(E)).toContain(`${CMDLINE} (1`);
  machine.rmmod('post');
  expect(machine.cat(E)).not.toContain(CMDLINE);
});

// biome-ignore format: the columns are the point
test.each<[Release, gone: string]>([
  ['4.15', 'ADDRESS'],
  ['6.1',  '0xADDRESS'],
])('%s: a probe does not hold the module of its function', (release, gone) => {
  const machine = aMachine(release);
  machine.insmod('target');
  machine.insmod('in_target');
  expect([machine.cat('sys/module/target/refcnt'), machine.rmmod('target')]).toEqual(['0', 'ok']);
  expect([shown(machine, `${D}/list`), machine.cat(E)]).toEqual([listed(`${gone} [GONE]`).replace('] [', ']['), '']);
  expect([machine.echo('0', `${D}/enabled`), machine.echo('1', `${D}/enabled`)]).toEqual(['ok', 'ok']);
  machine.insmod('target');
  expect(machine.cat(E)).toBe('');
  expect([machine.rmmod('in_target'), machine.cat(`${D}/list`)]).toEqual(['ok', '']);
  expect(machine.kernel.ftrace.registered.size).toBe(0);
});

// biome-ignore format: the columns are the point
test.each<[Release, written: string, answer: string, value: string]>([
  ['4.15', '0',   'ok',     '0'],
  ['4.15', 'nein', 'ok',    '0'],
  ['4.15', 'Y',   'ok',     '1'],
  ['4.15', 'off', 'EINVAL', '1'],
  ['4.15', '2',   'EINVAL', '1'],
  ['6.1',  '00',  'ok',     '0'],
  ['6.1',  'n',   'ok',     '0'],
  ['6.1',  'off', 'ok',     '0'],
  ['6.1',  'on',  'ok',     '1'],
  ['6.1',  'T',   'ok',     '1'],
  ['6.1',  '2',   'EINVAL', '1'],
  ['6.1',  ' 0',  'EINVAL', '1'],
])('%s: enabled takes %j: %s', (release, written, answer, value) => {
  const machine = aMachine(release);
  expect([machine.echo(written, `${D}/enabled`), machine.cat(`${D}/enabled`)]).toEqual([answer, value]);
});

// biome-ignore format: the columns are the point
test.each<[Release, list: number, symbols: string[]]>([
  ['4.15', 0o444, ['d kprobe_ftrace_ops']],
  ['6.1',  0o400, ['d kprobe_ipmodify_ops', 'd kprobe_ftrace_ops']],
])('%s: modes, what cannot be written, and the symbols that scripts look for', (release, list, symbols) => {
  const machine = aMachine(release);
  const mode = (name: string) => (machine.find(`${D}${name}`)?.attributes().mode ?? 0) & 0o777;
  expect([mode(''), mode('/enabled'), mode('/list')]).toEqual([0o755, 0o600, list]);
  expect(machine.echo('x', `${D}/list`)).toBe('EINVAL');
  const known = machine.cat('proc/kallsyms').split('\n').filter((line) => / d /.test(line));
  expect(known.map((line) => line.slice(17))).toEqual(symbols);
});

test('differences: a probe can only be where a function begins that ftrace knows', () => {
  const machine = aMachine('6.1');
  expect(machine.insmod('assembly')).toBe('EINVAL');
  expect(machine.insmod('nowhere')).toBe('ENOENT');
  expect(machine.ls(D)).toEqual(['enabled', 'list']);
});

test('a probe is registered once', () => {
  const machine = aMachine('6.1');
  const kprobe = { symbolName: CMDLINE };
  registerKprobe(machine.kernel, kprobe);
  expect(() => registerKprobe(machine.kernel, kprobe)).toThrow(
    expect.objectContaining<Partial<KernelError>>({ code: 'EINVAL' }),
  );
});
