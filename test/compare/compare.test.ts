/**
 * The comparison with a real kernel, as far as it can be tried without one: what it asks, that it
 * finds a difference, and that it makes it small.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtinModules } from '../../src/modules/builtin.ts';
import { KLPX_MODULES } from '../recordings/klpx.ts';
import type { Recorded } from '../recordings/recording.ts';
import {
  type Answer,
  type Difference,
  findDifference,
  formatDifference,
  parseAnswers,
} from './answers.ts';
import { generate } from './generate.ts';
import { keepAnswers } from './kept.ts';
import { askKlpfs } from './klpfs.ts';
import { scriptOf } from './script.ts';
import { shrink } from './shrink.ts';
import { commandOf, type Sequence, type Step } from './steps.ts';

const MODULES = [...KLPX_MODULES, ...builtinModules];
const LOAD: Step = {
  do: 'load',
  by: 'insmod',
  module: 'klpx_a',
  parameters: { f0: 'version_proc_show', cb: 1 },
};
const DISABLE: Step = { do: 'write', file: 'klpx_a/enabled', text: '0\n' };
const READ: Step = { do: 'read', path: '$M/klpx_a/initstate' };
const UNLOAD: Step = { do: 'unload', module: 'klpx_a' };

test('a seed makes the same sequences, however many are wanted', () => {
  expect(generate(7, 20)).toEqual(generate(7, 30).slice(0, 20));
  expect(generate(8, 20)).not.toEqual(generate(7, 20));
});

test('sequences have 6 to 15 steps, and load modules with parameters that they have, or with nosuch', () => {
  const sequences = generate(1, 300);
  const lengths = sequences.map(({ length }) => length);
  expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([6, 15]);
  for (const step of sequences.flat()) {
    if (step.do !== 'load') continue;
    const versions = MODULES.filter(({ name }) => name === step.module);
    const parameters = versions.flatMap((module) => module.parameters.map(({ name }) => name));
    expect(versions).not.toEqual([]);
    expect([...parameters, 'nosuch']).toEqual(expect.arrayContaining(Object.keys(step.parameters)));
  }
});

test('every kind of step is made, and not seldom', () => {
  const counts = new Map<string, number>();
  for (const step of generate(1, 300).flat()) counts.set(step.do, (counts.get(step.do) ?? 0) + 1);
  expect(Math.min(...counts.values())).toBeGreaterThan(20);
  expect([...counts.keys()].sort()).toEqual([
    'chmod',
    'ftrace-enabled',
    'load',
    'read',
    'release-readers',
    'set',
    'signal-readers',
    'start-reader',
    'unblock',
    'unload',
    'write',
  ]);
});

test.each<[string, Step]>([
  ['insmod $X/klpx_a.ko f0=version_proc_show cb=1', LOAD],
  [
    'modprobe livepatch-sample',
    { do: 'load', by: 'modprobe', module: 'livepatch_sample', parameters: {} },
  ],
  ["printf '0\\n' > $K/klpx_a/enabled", DISABLE],
  ['rmmod klpx_a', UNLOAD],
  ['unload_target', { do: 'unload', module: 'klpx_target' }],
  [
    "echo '' > $M/klpx_a/parameters/pre_ret",
    { do: 'set', module: 'klpx_a', parameter: 'pre_ret', value: "''" },
  ],
])('a step is a command: %s', (command, step) => {
  expect(commandOf(step)).toBe(command);
});

test('a script is one that bash can read, and runs the steps under their numbers', () => {
  const script = scriptOf(generate(3, 50));
  expect(spawnSync('bash', ['-n'], { input: script }).stderr.toString()).toBe('');

  const steps = scriptOf([[LOAD], [LOAD, DISABLE]])
    .split('warm_up\n')
    .at(-1);
  const printed = spawnSync('bash', {
    input: `step() { echo "$1|$2"; }\nN() { :; }\nclean() { :; }\n${steps}`,
  });
  expect(printed.stdout.toString()).toBe(
    [`0.0|${commandOf(LOAD)}`, `1.0|${commandOf(LOAD)}`, `1.1|${commandOf(DISABLE)}`, ''].join(
      '\n',
    ),
  );
});

test('answers come sequence by sequence; a guest that dies leaves part of one', () => {
  const line = (id: string) => JSON.stringify(record(id));
  const output = [line('0.0'), line('0.1'), '{"note":"clean"}', line('1.0'), '{"id":"1.'].join(
    '\n',
  );
  expect(parseAnswers(output)).toEqual({
    whole: [[record('0.0'), record('0.1')]],
    part: [record('1.0')],
  });
  expect(parseAnswers('')).toEqual({ whole: [], part: [] });
});

test('the first step that is answered differently is the difference', () => {
  const linux = [record('0.0'), { ...record('0.1'), dmesg: ['one', 'two'] }, record('0.2')];
  const klpfs = [record('0.0'), { ...record('0.1'), dmesg: ['one', 'three'] }];
  const sequence = [LOAD, DISABLE, UNLOAD];
  const found = findDifference(sequence, linux, klpfs);
  expect(found?.sequence).toEqual([LOAD, DISABLE]);
  expect(found && formatDifference(found)).toBe(
    [
      `$ ${commandOf(LOAD)}`,
      `$ ${commandOf(DISABLE)}`,
      '  --- exit 0',
      '  --- dmesg',
      '  one',
      '- two',
      '+ three',
      '  ',
      '',
    ].join('\n'),
  );
  expect(findDifference(sequence, linux, linux)).toBeUndefined();
});

test('addresses do not count, and a kernel that did not answer differs from any', () => {
  const at = (address: string): Answer => [{ ...record('0.0'), stdout: `tramp: 0x${address}\n` }];
  expect(findDifference([LOAD], at('ffffffffc02d2000'), at('ffffffffc1111000'))).toBeUndefined();
  expect(findDifference([LOAD], [], [])).toEqual({
    sequence: [LOAD],
    linux: undefined,
    klpfs: undefined,
  });
});

test('what passes say does not count, nor do call traces; every other line does', () => {
  const logging = (...dmesg: string[]): Answer => [{ ...record('0.0'), dmesg }];
  const klpfs = logging('sysfs: cannot create duplicate filename', 'kobject_add_internal failed');
  const linux = logging(
    'livepatch: klp_try_switch_task: cat:77 is sleeping on function klpx_wait',
    'livepatch: signaling remaining tasks',
    'sysfs: cannot create duplicate filename',
    'CPU: 0 PID: 141 Comm: insmod Tainted: G           OEK    6.1.0-56-amd64 #1  Debian 6.1.192-2',
    'Call Trace:',
    ' <TASK>',
    ' sysfs_warn_dup.cold+0x17/0x27',
    ' ? 0xffffffffc0303000',
    'RIP: 0033:0x7f8b5bf0c6e9',
    ' </TASK>',
    'kobject_add_internal failed',
  );
  expect(findDifference([LOAD], linux, klpfs)).toBeUndefined();
  expect(findDifference([LOAD], logging(), klpfs)).toBeDefined();
});

test('shrinking keeps what the difference needs, and asks few times', async () => {
  const sequence = [READ, LOAD, READ, UNLOAD, READ, READ, DISABLE, READ, UNLOAD];
  let asked = 0;
  const differs = (candidate: Sequence): Difference | undefined => {
    const load = candidate.findIndex((step) => step.do === 'load' && 'cb' in step.parameters);
    const disable = candidate.indexOf(DISABLE);
    const isThere = load >= 0 && disable > load && candidate.at(-1) === UNLOAD;
    return isThere ? { sequence: candidate, linux: '1', klpfs: '2' } : undefined;
  };
  const shrunk = await shrink({ sequence, linux: '1', klpfs: '2' }, async (candidates) => {
    asked += 1;
    return candidates.map(differs);
  });
  expect(shrunk.sequence).toEqual([{ ...LOAD, parameters: { cb: 1 } }, DISABLE, UNLOAD]);
  expect(asked).toBeLessThanOrEqual(3);
});

test('what Linux has answered is not asked again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'klpfs-kept-'));
  const file = join(folder, 'kept');
  const asked: Sequence[] = [];
  const answer = async (sequences: readonly Sequence[]) => {
    asked.push(...sequences);
    return sequences.map((sequence) => [record(commandOf(sequence[0] ?? READ))]);
  };
  await keepAnswers(file, answer)([[LOAD]]);
  const again = await keepAnswers(file, answer)([[UNLOAD], [LOAD]]);
  expect(asked).toEqual([[LOAD], [UNLOAD]]);
  expect(again.flat().map(({ id }) => id)).toEqual([commandOf(UNLOAD), commandOf(LOAD)]);
  expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(3);
  rmSync(folder, { recursive: true });
});

const HELD: Sequence = [
  { do: 'load', by: 'modprobe', module: 'klpx_target', parameters: { mode: 2 } },
  { do: 'start-reader' },
  {
    do: 'load',
    by: 'insmod',
    module: 'klpx_b',
    parameters: { obj0: 'klpx_target', f0: 'klpx_value_show', w: 1 },
  },
  { do: 'write', file: 'klpx_b/enabled', text: '0\n' },
  { do: 'write', file: 'klpx_b/enabled', text: '1\n' },
  { do: 'release-readers' },
  { do: 'unload', module: 'klpx_target' },
];

test('klpfs answers as klpfs does, but another release does not', async () => {
  const sequences = [[LOAD, DISABLE, UNLOAD], HELD];
  const [once, again, newer] = [
    await askKlpfs({ release: '6.1', cpus: 1 }, sequences),
    await askKlpfs({ release: '6.1', cpus: 1 }, sequences),
    await askKlpfs({ release: '6.12', cpus: 1 }, sequences),
  ];
  const compare = (theirs: readonly Answer[]) =>
    sequences.map((sequence, index) =>
      findDifference(sequence, once[index] ?? [], theirs[index] ?? []),
    );
  expect(once.map(({ length }) => length)).toEqual([3, 7]);
  expect(compare(again)).toEqual([undefined, undefined]);
  const [first] = compare(newer);
  expect(first?.sequence).toEqual([LOAD]);
  expect(first && formatDifference(first)).toContain('+ -r--r--r-- klpx_a/replace: 0');
}, 120_000);

function record(id: string): Recorded {
  return { id, cmd: 'a command', stdout: '', stderr: '', exit: 0, dmesg: [], t0: 0 };
}
