/** What is wrong with a machine description, and where: one line each, as people see it. */
import { expect, test } from 'vitest';
import { since } from '../../src/abi/release.ts';
import { MachineError } from '../../src/machine/machineError.ts';
import { parseMachine } from '../../src/machine/parse.ts';
import { builtinModules } from '../../src/modules/builtin.ts';
import { aModule } from '../support/modules.ts';

const SURROUNDINGS = { available: builtinModules, options: {} };

function refusalOf(text: string, surroundings = SURROUNDINGS): string[] {
  try {
    parseMachine(text, 'm.yaml', surroundings);
  } catch (error) {
    if (error instanceof MachineError) return error.message.split('\n');
    throw error;
  }
  return [];
}

const KEYS =
  'release, cpus, seed, clock, speed, reliable_stacktrace, cmdline, symbols, modules, tasks, interrupts, load';
const STEPS =
  'user, syscall, call, sleep_in, for, state, wait_for, signal_event, repeat, fork, thread, wait_child, exit, exit_group';
const VERBS =
  'user, syscall, call, sleep_in, wait_for, signal_event, repeat, fork, thread, wait_child, exit, exit_group';

// biome-ignore format: the columns are the point
test.each<[text: string, complaint: string]>([
  // The text
  ['hello',                            'm.yaml:1:1: must be a mapping, not a string'],
  ['- release',                        'm.yaml:1:1: must be a mapping, not a list'],
  ['cpus: [1',                         'm.yaml:1:9: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ['cpus: 1\nseed: 2\ncpus: 3',        "m.yaml:3:1: 'cpus' is given twice, first on line 1"],
  ['a: &a\n  - *a',                    'm.yaml:2:5: *a stands for something that contains it: an alias cannot loop'],
  ['load: [*a]',                       'm.yaml:1:8: *a stands for nothing: no &a comes before it'],
  ['load: !bag [a]',                   'm.yaml:1:7: Unresolved tag: !bag'],
  ['cpus: 1\n---\ncpus: 2',            'm.yaml:2:1: Source contains multiple documents; please use YAML.parseAllDocuments()'],
  // Single values
  ['release: 4.15',                    'm.yaml:1:10: release: must be a string: put it in quotes, as in "4.15"'],
  ['release: "4.14"',                  'm.yaml:1:10: release: must be one of "4.15", "6.1", "6.12", "6.14"'],
  ['cpus: 0',                          'm.yaml:1:7: cpus: must be an integer from 1 to 64'],
  ['cpus: 65',                         'm.yaml:1:7: cpus: must be an integer from 1 to 64'],
  ['cpus: 1.5',                        'm.yaml:1:7: cpus: must be an integer from 1 to 64'],
  ['cpus:',                            'm.yaml:1:6: cpus: must be an integer from 1 to 64'],
  ['seed: -1',                         'm.yaml:1:7: seed: must be an integer from 0 to 4294967295'],
  ['clock: virtual',                   'm.yaml:1:8: clock: must be one of real, manual'],
  ['speed: 0',                         'm.yaml:1:8: speed: must be a number above 0, up to 1000000'],
  ['speed: .nan',                      'm.yaml:1:8: speed: must be a number above 0, up to 1000000'],
  ['speed: .inf',                      'm.yaml:1:8: speed: must be a number above 0, up to 1000000'],
  ['reliable_stacktrace: yes',         'm.yaml:1:22: reliable_stacktrace: must be true or false, not a string'],
  ['cmdline: "a\\nb"',                 'm.yaml:1:10: cmdline: must be one line without control characters'],
  ['load: livepatch-sample',           'm.yaml:1:7: load: must be a list, not a string'],
  ['load: [1]',                        'm.yaml:1:8: load[0]: must be a string, not a number'],
  ['cpu: 2',                           `m.yaml:1:1: cpu: unknown key: allowed are ${KEYS}`],
  ['modules_available: []',            `m.yaml:1:1: modules_available: unknown key: allowed are ${KEYS}`],
  // Symbols and modules
  ['symbols: {vmlinux: [3]}',          'm.yaml:1:21: symbols.vmlinux[0]: must be a name, or a mapping of name, traceable and unwind'],
  ['symbols: {vmlinux: [a b]}',        'm.yaml:1:21: symbols.vmlinux[0]: must be the name of a function'],
  ['symbols: {vmlinux: [{name: 3}]}',  'm.yaml:1:28: symbols.vmlinux[0].name: must be a string, not a number'],
  ['symbols: {vmlinux: [{name: f, trace: no}]}', 'm.yaml:1:31: symbols.vmlinux[0].trace: unknown key: allowed are name, traceable, unwind'],
  ['symbols: {nfsd: [f]}',             "m.yaml:1:11: symbols.nfsd: is no object of this machine: vmlinux and what 'modules' lists are"],
  ['symbols: {vmlinux: [{name: version_proc_show, traceable: false}]}', 'm.yaml:1:58: symbols.vmlinux[0].traceable: must be true: klpfs itself needs the call site of this function'],
  ['modules: [{name: a}, {name: b}, {name: a}]', 'm.yaml:1:40: modules[2].name: a is taken by the module on line 1'],
  ['modules: [{name: nf-nat}, {name: nf_nat}]',  'm.yaml:1:34: modules[1].name: nf_nat is taken by the module on line 1'],
  ['modules: [{name: livepatch-sample}]',        'm.yaml:1:18: modules[0].name: livepatch_sample is a module that there is already'],
  ['modules: [{name: vmlinux}]',       'm.yaml:1:18: modules[0].name: vmlinux is the kernel itself'],
  ['modules: [{name: a/b}]',           'm.yaml:1:18: modules[0].name: must have letters, digits, _ and - only'],
  ['modules: [{name: nfsd, depends: [lokd]}, {name: lockd}]', "m.yaml:1:34: modules[0].depends[0]: there is no module 'lokd' (did you mean 'lockd'?)"],
  ['modules: [{name: a, depends: [a]}]', 'm.yaml:1:31: modules[0].depends[0]: modules depend on each other: a needs a'],
  ['modules:\n- {name: a, depends: [b]}\n- {name: b, depends: [c]}\n- {name: c, depends: [a]}',
                                       'm.yaml:2:23: modules[0].depends[0]: modules depend on each other: a needs b needs c needs a'],
  ['modules: [{name: a, parameters: {p: {type: long}}}]', 'm.yaml:1:44: modules[0].parameters.p.type: must be one of int, bool, string'],
  ['modules: [{name: a, parameters: {p: {type: int, default: "1"}}}]', 'm.yaml:1:58: modules[0].parameters.p.default: must be an integer from -2147483648 to 2147483647'],
  ['modules: [{name: a, parameters: {p: {type: int, mode: 0644}}}]', 'm.yaml:1:55: modules[0].parameters.p.mode: must be a string of octal digits such as "0644", not writable by others'],
  ['modules: [{name: a, parameters: {p: {type: int, mode: "0666"}}}]', 'm.yaml:1:55: modules[0].parameters.p.mode: must be a string of octal digits such as "0644", not writable by others'],
  ['modules: [{name: a, parameters: {p q: {type: int}}}]', 'm.yaml:1:34: modules[0].parameters.p q: must have letters, digits and _ only'],
  ['interrupts: [{cpu: 0, every: 99us, call: [vfs_read]}]', 'm.yaml:1:30: interrupts[0].every: must be 100us or more'],
  ['interrupts: [{cpu: 0, every: fast, call: [vfs_read]}]', 'm.yaml:1:30: interrupts[0].every: must be a duration such as 500ms or 1.5s (units: us, ms, s, m)'],
  ['interrupts: [{cpu: 2, every: 1ms, call: [vfs_read]}]', 'm.yaml:1:20: interrupts[0].cpu: there is no cpu 2: the machine has 2, counted from 0'],
  ['interrupts: [{cpu: 0, every: 1ms, call: [vfs_read, nosuch_fn]}]', "m.yaml:1:52: interrupts[0].call[1]: no object has a function 'nosuch_fn'"],
  // Tasks
  ['tasks: [{pid: 5}]',                'm.yaml:1:9: tasks[0].comm: is missing'],
  ['tasks: [{comm: a_name_of_16_chs}]', 'm.yaml:1:16: tasks[0].comm: must have at most 15 characters'],
  ['tasks: [{comm: a, pid: 0}]',       'm.yaml:1:24: tasks[0].pid: must be an integer from 1 to 4194304'],
  ['tasks: [{comm: a, pid: 4194305}]', 'm.yaml:1:24: tasks[0].pid: must be an integer from 1 to 4194304'],
  ['tasks: [{comm: a, pid: 4194303, count: 3}]', 'm.yaml:1:40: tasks[0].count: 3 tasks from pid 4194303 on would go beyond 4194304'],
  ['tasks:\n- comm: a\n  pid: 42\n- comm: b\n  pid: 42', 'm.yaml:5:8: tasks[1].pid: 42 is taken by the task on line 2'],
  ['tasks:\n- {comm: b, pid: 46}\n- {comm: a, pid: 44, count: 4}', 'm.yaml:3:18: tasks[1].pid: 46 is taken by the task on line 2'],
  ['tasks:\n- {comm: a, pid: 44, count: 4}\n- {comm: b, pid: 47}', 'm.yaml:3:18: tasks[1].pid: 47 is taken by the task on line 2'],
  ['tasks:\n- {comm: a, pid: 44, count: 9}\n- {comm: b}\n- {comm: c, pid: 52}', 'm.yaml:4:18: tasks[2].pid: 52 is taken by the task on line 2'],
  ['tasks: [&a {comm: a, pid: 42}, *a]', 'm.yaml:1:32: tasks[1].pid: 42 is taken by the task on line 1'],
  ['cpus: 1\ntasks: [{comm: a, cpu: 1}]', 'm.yaml:2:24: tasks[0].cpu: there is no cpu 1: the machine has 1, counted from 0'],
  ['tasks: [{comm: a, count: 0}]',     'm.yaml:1:26: tasks[0].count: must be an integer from 1 to 1000000'],
  ['tasks: [{comm: a, states: []}]',   'm.yaml:1:19: tasks[0].states: unknown key: allowed are comm, pid, count, cpu, program, kthread, threads'],
  ['tasks: [{comm: k, kthread: true, threads: [{}]}]', 'm.yaml:1:34: tasks[0].threads: a kthread has no threads'],
  ['tasks: [{comm: a, count: 2, threads: [{pid: 9}]}]', 'm.yaml:1:45: tasks[0].threads[0].pid: 2 processes cannot all have this thread: leave the pid out'],
  ['tasks:\n- {comm: a, pid: 9}\n- {comm: b, threads: [{pid: 9}]}', 'm.yaml:3:29: tasks[1].threads[0].pid: 9 is taken by the task on line 2'],
  ['cpus: 1\ntasks: [{comm: a, threads: [{cpu: 1}]}]', 'm.yaml:2:35: tasks[0].threads[0].cpu: there is no cpu 1: the machine has 1, counted from 0'],
  ['tasks: [{comm: a, threads: [{program: [{syscall: [nosuch_fn]}]}]}]', "m.yaml:1:51: tasks[0].threads[0].program[0].syscall[0]: no object has a function 'nosuch_fn'"],
])('%s', (text, complaint) => {
  expect(refusalOf(text)).toEqual([complaint]);
});

// biome-ignore format: the columns are the point
test.each<[program: string, column: number, path: string, message: string]>([
  ['{clone: {comm: b}}',                36, '[0].clone',     `unknown key: allowed are ${STEPS}`],
  ['{fork: {comm: b}}',                 42, '[0].fork.program', 'is missing'],
  ['{fork: {comm: b, program: [{syscall: [nosuch_fn]}]}}', 73, '[0].fork.program[0].syscall[0]', "no object has a function 'nosuch_fn'"],
  ['{}',                                35, '[0]',           `must have exactly one of ${VERBS}; it has none`],
  ['{user: 1s, exit: 0}',               35, '[0]',           `must have exactly one of ${VERBS}; it has user and exit`],
  ['{for: 1s}',                         35, '[0]',           `must have exactly one of ${VERBS}; it has none`],
  ['{user: 1s, for: 1s}',               51, '[0].for',       'belongs to sleep_in only'],
  ['{syscall: [vfs_read], state: killable}', 64, '[0].state', 'belongs to sleep_in only'],
  ['{user: -1s}',                       42, '[0].user',      '-1s is negative: time goes forward only'],
  ['{user: -0.5}',                      42, '[0].user',      '-0.5 is negative: time goes forward only'],
  ['{user: 5}',                         42, '[0].user',      '5 lacks its unit: one of us, ms, s, m, as in 500ms'],
  ['{user: .nan}',                      42, '[0].user',      'must be a duration such as 500ms or 1.5s (units: us, ms, s, m)'],
  ['{user: 1 hour}',                    42, '[0].user',      'must be a duration such as 500ms or 1.5s (units: us, ms, s, m)'],
  ['{sleep_in: []}',                    46, '[0].sleep_in',  'must not be empty'],
  ['{sleep_in: [schedule], state: deep}', 65, '[0].state',   'must be one of interruptible, killable, uninterruptible'],
  ['{syscall: vfs_read}',               45, '[0].syscall',   'must be a list, not a string'],
  ['{call: vfs_read}',                  36, '[0].call',      'a user task enters the kernel by syscall: call is for kthreads'],
  ['{syscall: [vfs_reed]}',             46, '[0].syscall[0]', "no object has a function 'vfs_reed' (did you mean 'vfs_read'?)"],
  ['{sleep_in: [schedule, zzzzzz]}',    57, '[0].sleep_in[1]', "no object has a function 'zzzzzz'"],
  ['{repeat: {times: 0, steps: [{exit: 0}]}}', 52, '[0].repeat.times', 'must be an integer from 1 to 1000000000'],
  ['{repeat: {times: 2, steps: [{user: 1s}, {exti: 0}]}}', 76, '[0].repeat.steps[1].exti', `unknown key: allowed are ${STEPS}`],
  ['{repeat: {times: 2, steps: [{call: vfs_read}]}}', 64, '[0].repeat.steps[0].call', 'a user task enters the kernel by syscall: call is for kthreads'],
  ['{thread: {comm: b, program: [{syscall: [nosuch_fn]}]}}', 75, '[0].thread.program[0].syscall[0]', "no object has a function 'nosuch_fn'"],
  ['{wait_child: false}',               48, '[0].wait_child', 'must be true'],
  ['{exit: 256}',                       42, '[0].exit',      'must be an integer from 0 to 255'],
])('a program of %s', (step, column, path, message) => {
  expect(refusalOf(`tasks: [{comm: a_task, program: [  ${step}]}]`.replace('[  ', '[ '))).toEqual([
    `m.yaml:1:${column}: tasks[0].program${path}: ${message}`,
  ]);
});

// biome-ignore format: the columns are the point
test.each<[step: string, message: string]>([
  ['user: 1s',            'user: a kthread has no user space: use sleep_in or call'],
  ['syscall: [vfs_read]', 'syscall: a kthread makes no system calls: use call'],
  ['fork: {comm: a, program: [{exit: 0}]}', 'fork: a kthread has no children or threads'],
  ['wait_child: true',    'wait_child: a kthread has no children or threads'],
])('a kthread with %s', (step, message) => {
  expect(refusalOf(`tasks: [{comm: k, kthread: true, program: [{${step}}]}]`)).toEqual([
    `m.yaml:1:45: tasks[0].program[0].${message}`,
  ]);
});

test('functions of modules that are for other releases are nowhere', () => {
  const functions = [{ name: 'later_function' }];
  const later = aModule({ name: 'later', functions, releases: since('5.1') });
  const surroundings = { ...SURROUNDINGS, available: [later] };
  const text = (release: string) =>
    `release: "${release}"\ntasks: [{comm: a, program: [{syscall: [later_function]}]}]`;
  expect(refusalOf(text('6.1'), surroundings)).toEqual([]);
  expect(refusalOf(text('4.15'), surroundings)).toEqual([
    "m.yaml:2:40: tasks[0].program[0].syscall[0]: no object has a function 'later_function'",
  ]);
});

test('everything that is wrong is said at once, in the order of the text', () => {
  const text = 'tasks:\n  - {pid: 0}\nfoo: 1\ncpus: 0\nrelease: 6.1\n';
  expect(refusalOf(text)).toEqual([
    'm.yaml:2:5: tasks[0].comm: is missing',
    'm.yaml:2:11: tasks[0].pid: must be an integer from 1 to 4194304',
    `m.yaml:3:1: foo: unknown key: allowed are ${KEYS}`,
    'm.yaml:4:7: cpus: must be an integer from 1 to 64',
    'm.yaml:5:10: release: must be a string: put it in quotes, as in "4.15"',
  ]);
});

test('the error lists place, path and message of each complaint', () => {
  expect(() => parseMachine('cpus: 0', 'm.yaml', SURROUNDINGS)).toThrow(
    expect.objectContaining({
      fileName: 'm.yaml',
      complaints: [
        { line: 1, column: 7, path: 'cpus', message: 'must be an integer from 1 to 64' },
      ],
    }),
  );
});

test('aliases that multiply are refused at the one that goes too far', () => {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const below = Array(10).fill(level === 0 ? 'x' : `*l${level - 1}`);
    return `- &l${level} [${below.join(', ')}]`;
  });
  expect(refusalOf(`load:\n${levels.join('\n')}`)).toEqual([
    'm.yaml:6:43: aliases stand for more than 100000 values up to here',
  ]);
});

test('what is nested too deeply is refused, whatever limit comes first', () => {
  expect(refusalOf(`${'['.repeat(50_000)}${']'.repeat(50_000)}`)).toEqual([
    'm.yaml:1:1: is nested too deeply',
  ]);
  const depth = 100;
  const repeats = `${'{repeat: {times: 1, steps: ['.repeat(depth)}{exit: 0}${']}}'.repeat(depth)}`;
  expect(refusalOf(`tasks: [{comm: a, program: [${repeats}]}]`)).toEqual([]);
});

test('of three tasks with pids in common each later one is named', () => {
  const text = 'tasks:\n- {comm: a, pid: 44, count: 9}\n- {comm: b, pid: 45}\n- {comm: c, pid: 50}';
  expect(refusalOf(text)).toEqual([
    'm.yaml:3:18: tasks[1].pid: 45 is taken by the task on line 2',
    'm.yaml:4:18: tasks[2].pid: 50 is taken by the task on line 2',
  ]);
});

test('an alias that is used a thousand times is fine', () => {
  const tasks = Array.from({ length: 1000 }, () => '  - {comm: a, program: *idle}\n');
  const text = `tasks:\n  - {comm: a, program: &idle [{sleep_in: [schedule]}]}\n${tasks.join('')}`;
  expect(refusalOf(text)).toEqual([]);
});

test('twenty thousand keys are refused before anybody notices a pause', () => {
  const keys = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1\n`).join('');
  const start = performance.now();
  expect(refusalOf(keys)).toHaveLength(50);
  expect(performance.now() - start).toBeLessThan(5000);
});

test('an option that is wrong has no place in the text', () => {
  expect(refusalOf('', { ...SURROUNDINGS, options: { cpus: 0 } })).toEqual([
    'cpus: must be an integer from 1 to 64',
  ]);
});
