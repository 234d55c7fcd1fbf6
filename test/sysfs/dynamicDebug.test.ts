/**
 * dynamic_debug/control: which sites there are, what commands do to them, and what they print.
 *
 * The replayed recording 08-dyndbg-grammar says the same of a mounted 6.1 machine, and more.
 */
import { describe, expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import { Machine } from '../support/machine.ts';
import { cmdlinePatch } from '../support/modules.ts';

const CONTROL = 'sys/kernel/debug/dynamic_debug/control';
const ALL = 'module livepatch +p';

/** The numbers of the lines whose sites print, and the flags if they are others than `p`. */
function enabledBy(release: Release, command: string): string {
  const machine = new Machine({ release });
  machine.dmesg();
  const answer = machine.write(command, CONTROL);
  const sites = machine
    .cat(CONTROL)
    .split('\n')
    .flatMap((line) => {
      const [, at, flags] = /:(\d+) \[livepatch\]\w+ =(\w+) "/.exec(line) ?? [];
      return at === undefined || flags === '_' ? [] : [flags === 'p' ? at : `${at}=${flags}`];
    });
  const changed = answer === 'ok' ? sites.join(' ') : [answer, ...sites].join(' ');
  return [changed, ...machine.dmesg()].join(' / ');
}

test('the control file lists the sites of the release', () => {
  expect(new Machine({ release: '6.1' }).cat(CONTROL)).toBe(
    [
      '# filename:lineno [module]function flags format',
      `kernel/livepatch/transition.c:75 [livepatch]klp_complete_transition =_ "'%s': completing %s transition\\n"`,
      `kernel/livepatch/transition.c:148 [livepatch]klp_cancel_transition =_ "'%s': canceling patching transition, going to unpatch\\n"`,
      'kernel/livepatch/transition.c:316 [livepatch]klp_try_switch_task =_ "%s: %s:%d is running\\n"',
      'kernel/livepatch/transition.c:320 [livepatch]klp_try_switch_task =_ "%s: %s:%d has an unreliable stack\\n"',
      'kernel/livepatch/transition.c:324 [livepatch]klp_try_switch_task =_ "%s: %s:%d is sleeping on function %s\\n"',
      'kernel/livepatch/transition.c:329 [livepatch]klp_try_switch_task =_ "%s: Unknown error code (%d) when trying to switch %s:%d\\n"',
      `kernel/livepatch/transition.c:521 [livepatch]klp_init_transition =_ "'%s': initializing %s transition\\n"`,
      `kernel/livepatch/transition.c:582 [livepatch]klp_reverse_transition =_ "'%s': reversing transition from %s\\n"`,
    ].join('\n'),
  );
  expect(new Machine({ release: '4.15' }).cat(CONTROL).split('\n').slice(1)).toEqual([
    `kernel/livepatch/transition.c:85 [livepatch]klp_complete_transition =_ "'%s': completing %s transition\\012"`,
    `kernel/livepatch/transition.c:170 [livepatch]klp_cancel_transition =_ "'%s': canceling patching transition, going to unpatch\\012"`,
    'kernel/livepatch/transition.c:363 [livepatch]klp_try_switch_task =_ "%s"',
    `kernel/livepatch/transition.c:507 [livepatch]klp_init_transition =_ "'%s': initializing %s transition\\012"`,
    `kernel/livepatch/transition.c:575 [livepatch]klp_reverse_transition =_ "'%s': reversing transition from %s\\012"`,
  ]);
});

test('since 5.7 it is in /proc, too; only root gets to the one in debugfs', () => {
  const machine = new Machine({ release: '6.1' });
  expect(machine.write(ALL, 'proc/dynamic_debug/control')).toBe('ok');
  expect(machine.cat(CONTROL)).toContain('klp_init_transition =p');
  expect(machine.find('sys/kernel/debug')?.attributes().mode).toBe(0o40700);
  expect(new Machine({ release: '4.15' }).find('proc/dynamic_debug')).toBeUndefined();
});

const EVERY = '75 148 316 320 324 329 521 582';
const BAD = (line: string, stage = 'query parse') =>
  `EINVAL / dyndbg: ${line} / dyndbg: ${stage} failed`;

// biome-ignore format: the columns are the point
describe.each<[command: string, enabled: string]>([
  ['file kernel/livepatch/* +p',                    EVERY                 ],
  ['file transition.c +p',                          EVERY                 ],
  ['file livepatch/transition.c +p',                ''                    ],
  ['file transition.c:148-316 +p',                  '148 316'             ],
  ['file transition.c:klp_init* +p',                '521'                 ],
  ['line -148 module livepatch +p',                 '75 148'              ],
  ['func klp_try_switch_tas? +p',                   '316 320 324 329'     ],
  ['func klp_[ic]* +p',                             ''                    ],
  ['format "is running" +p',                        '316'                 ],
  ['format is\\040running +p',                      '316'                 ],
  ['format is\\x20running +p',                      ''                    ],
  ['format transition\\n +p',                       '75 521'              ],
  ["format \"^'%s': c\" +p",                        '75 148'              ],
  ['class X module livepatch +p',                   ''                    ],
  ['+p; func klp_* -p; line 75 =tlfmp',             '75=pmflt'            ],
  ['# all\n \nmodule livepatch +p # of them\n',     EVERY                 ],
  ['line 75 +p\0; +p',                              '75'                  ],
  ['bogus',                                         BAD('bad flag-op b, at start of bogus', 'flags parse')],
  ['bogus x +p',                                    BAD('unknown keyword "bogus"')],
  ['module livepatch ""',                           BAD('bad flag-op \0, at start of ', 'flags parse')],
  ['+pz',                                           BAD("unknown flag 'z'", 'flags parse')],
  ['module livepatch extra +p',                     BAD('expecting pairs of match-spec <value>')],
  ['func a func b +p',                              BAD('match-spec:func val:a overridden by b')],
  ['file f:klp_x func klp_y +p',                    BAD('match-spec:func val:klp_x overridden by klp_y')],
  ['line 1 line 2 +p',                              BAD('match-spec: line used 2x')],
  ['line 9-1 +p',                                   BAD('last-line:1 < 1st-line:9')],
  ['line 0x4b +p',                                  BAD('bad line-number: 0x4b')],
  ['format "is +p',                                 BAD('unclosed quote: is +p', 'tokenize')],
  ['a b c d e f g h i j',                           BAD('too many words, legal max <=9', 'tokenize')],
])('6.1: %j', (command, enabled) => {
  test('enables what Linux enables, says what Linux says', () => {
    expect(enabledBy('6.1', command)).toBe(enabled);
  });
});

const OLD = (line: string, stage = 'query parse') =>
  `EINVAL / dynamic_debug:${line} / dynamic_debug:ddebug_exec_query: ${stage} failed`;

// biome-ignore format: the columns are the point
describe.each<[command: string, enabled: string]>([
  ['file kernel/livepatch/* +p; func klp_try_switch_task -p', '85 170 507 575'],
  ['file transition.c:85 +p',     ''],
  ["format ^'%s' +p",             ''],
  ['class X +p',                  OLD('ddebug_parse_query: unknown keyword "class"')],
  ['+pzm',                        OLD('ddebug_parse_flags: unknown flag \'z\' in "zm"', 'flags parse')],
  ['func a func b +p',            OLD('check_set: match-spec:func val:a overridden by b')],
  ['line x +p',                   OLD('parse_lineno: bad line-number: x')],
])('4.15: %j', (command, enabled) => {
  test('enables what Linux enables, says what Linux says', () => {
    expect(enabledBy('4.15', command)).toBe(enabled);
  });
});

test('a wrong command keeps no other from being carried out', () => {
  expect(enabledBy('6.1', 'line 75 +p;bogus;line 148 +p')).toBe(
    'EINVAL 75 148 / dyndbg: bad flag-op b, at start of bogus / dyndbg: flags parse failed',
  );
});

test('a write of a page is too long', () => {
  const complaint = 'dyndbg: expected <4096 bytes into control';
  expect(enabledBy('6.1', ALL.padEnd(4096))).toBe(`E2BIG / ${complaint}`);
  expect(enabledBy('6.1', ALL.padEnd(4095))).toBe(EVERY);
});

/** The debug lines of loading a patch; the process that loads it is a request's. */
function debugLines(release: Release, command: string): string[] {
  const machine = new Machine({ release, modules: [cmdlinePatch('p')] });
  machine.write(command, CONTROL);
  machine.dmesg();
  machine.insmod('p');
  machine.advance(2000);
  return machine
    .dmesg()
    .filter((line) => /initializing|completing/.test(line))
    .map((line) => line.replace(/^\[\d+\] /, '[PID] '));
}

// biome-ignore format: the columns are the point
test.each<[Release, command: string, lines: string[]]>([
  ['6.1',  'module livepatch -p',              []],
  ['6.1',  'func klp_init_transition +p',      ["livepatch: 'p': initializing patching transition"]],
  ['6.1',  'func klp_init_transition +mflt',   []],
  ['6.1',  'func klp_init_transition +pmflt',  ["[PID] livepatch:klp_init_transition:521: livepatch: 'p': initializing patching transition"]],
  ['6.1',  'func klp_init_transition +pt',     ["[PID] livepatch: 'p': initializing patching transition"]],
  ['6.1',  'func klp_complete_* +pm',          ["livepatch: livepatch: 'p': completing patching transition"]],
  ['4.15', 'func klp_complete_* +pfl',         ["klp_complete_transition:85: livepatch: 'p': completing patching transition"]],
])('%s: %s', (release, command, lines) => {
  expect(debugLines(release, command)).toEqual(lines);
});

test('flags are restored by writing back what was read, as the selftests do', () => {
  const machine = new Machine({ release: '6.1' });
  machine.write('func klp_init_transition =pt', CONTROL);
  const before = machine.cat(CONTROL);
  const restore = before
    .split('\n')
    .slice(1)
    .map((line) => line.split(/[: ]/))
    .map(([file, line, , flags]) => `file ${file} line ${line} ${flags}`)
    .join('\n');
  machine.write('file kernel/livepatch/* +p\nfunc klp_try_switch_task -p\n', CONTROL);
  expect(machine.cat(CONTROL)).not.toBe(before);
  expect(machine.write(restore, CONTROL)).toBe('ok');
  expect(machine.cat(CONTROL)).toBe(before);
});
