/** A replay equals its recording, whatever was done and whenever; and if not, it says so. */
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { FileSystem } from '../../mount/fileSystem.ts';
import type { Interrupt, Reply } from '../../mount/reply.ts';
import { O_RDWR, O_WRONLY } from '../../src/abi/mode.ts';
import { REPLAYED_HOST_VERBS } from '../../src/daemon/hostVerbs.ts';
import { type ClockMode, MachineLoop } from '../../src/daemon/machineLoop.ts';
import { readMachine } from '../../src/daemon/readMachine.ts';
import { Recorder } from '../../src/daemon/recorder.ts';
import { FORMAT_VERSION } from '../../src/daemon/recordFormat.ts';
import { recordTree } from '../../src/daemon/recordTree.ts';
import { replay } from '../../src/daemon/replay.ts';
import { parseRecording } from '../../src/daemon/replayFile.ts';
import { panelOf } from '../../src/daemon/verbs.ts';
import { bootKernel } from '../../src/engine/boot.ts';
import { NS_PER_MS, setTimer } from '../../src/engine/clock.ts';
import type { Kernel } from '../../src/engine/kernel.ts';
import type { ModuleDefinition } from '../../src/engine/module/model.ts';
import { formatKmsg, LOG_LEVEL, storeRecord } from '../../src/engine/printk.ts';
import { listByPid } from '../../src/engine/sched/pass.ts';
import { hasWork } from '../../src/engine/sched/run.ts';
import { framesOf } from '../../src/engine/sched/stack.ts';
import {
  commOf,
  findTask,
  patchStateOf,
  pidOf,
  runStateOf,
  serialOf,
  stackOf,
} from '../../src/engine/sched/task.ts';
import { toBootOptions } from '../../src/machine/bootOptions.ts';
import { builtinModules } from '../../src/modules/builtin.ts';
import type { Caller, Node, OpenFile } from '../../src/sysfs/node.ts';
import { mountedTree } from '../../src/sysfs/root.ts';
import { until } from '../support/clients.ts';
import { aModule } from '../support/modules.ts';

const BOOT_MS = 1_700_000_000_000;

const logOf = ({ log }: Kernel) => log.records.map((record) => formatKmsg(record).slice(0, -1));

/** A machine that is recorded, used as a transport would. */
function recordMachine(
  text: string,
  mode: ClockMode = { kind: 'manual' },
  modules: readonly ModuleDefinition[] = [],
) {
  const machine = readMachine(text, 'test.yaml', { clock: mode.kind });
  const kernel = bootKernel(toBootOptions(machine, [...builtinModules, ...modules], BOOT_MS));
  const bugs: unknown[] = [];
  const onBug = (error: unknown) => bugs.push(error);
  const loop = new MachineLoop(kernel, mode, onBug);
  const lines: string[] = [];
  const header = {
    klpfs_recording: FORMAT_VERSION,
    pid: 1,
    boot_time_ms: BOOT_MS,
    machine,
    manifests: {},
  } as const;
  const recorder = new Recorder(loop, header, (line) => lines.push(line));
  const panel = panelOf(machine, loop, REPLAYED_HOST_VERBS);
  const root = recordTree(mountedTree(kernel, panel).root, recorder);
  const fileSystem = new FileSystem(root, loop.run, onBug);
  onTestFinished(() => loop.stop());
  loop.start();

  const find = (path: string): Node | undefined => {
    let node: Node | undefined = root;
    for (const name of path.split('/')) {
      node = node?.kind === 'directory' ? node.lookup(name) : undefined;
    }
    return node;
  };
  const open = (path: string, flags: number, caller?: Caller): OpenFile | undefined => {
    const node = find(path);
    let opened: OpenFile | undefined;
    const reply: Reply<OpenFile> = (result) => {
      if ('value' in result) opened = result.value;
    };
    if (node) fileSystem.open(node, flags, reply, caller);
    return opened;
  };
  const write = (file: OpenFile | undefined, text: string): Interrupt | undefined =>
    file && fileSystem.write(file, { offset: 0, data: Buffer.from(text, 'latin1') }, () => {});
  const read = (file: OpenFile | undefined, offset = 0): Interrupt | undefined =>
    file && fileSystem.read(file, { offset, sizeBytes: 4096 }, () => {});
  /** Reads record after record until a read waits. */
  const follow = (file: OpenFile | undefined): Interrupt | undefined => {
    let interrupt: Interrupt | undefined;
    for (let offset = 0; file && !interrupt; ) {
      interrupt = fileSystem.read(file, { offset, sizeBytes: 8192 }, (result) => {
        offset += 'value' in result ? result.value.length : 0;
      });
    }
    return interrupt;
  };
  const echo = (text: string, path: string) => {
    const file = open(path, O_WRONLY);
    const interrupt = write(file, `${text}\n`);
    if (file) fileSystem.release(file, () => {});
    return interrupt;
  };
  const chmod = (path: string, mode: number) => {
    const node = find(path);
    if (node) fileSystem.setattr(node, { mode }, () => {});
  };
  /** Ends the recording; the answer is its text. */
  const finish = () => {
    loop.stop();
    recorder.end();
    return `${lines.join('\n')}\n`;
  };
  return { kernel, modules, bugs, find, open, read, write, follow, echo, chmod, finish };
}

type RecordedMachine = ReturnType<typeof recordMachine>;

const TASKS = `
release: "4.15"
cpus: 2
tasks:
  - {comm: reader, pid: 4242, program: [{sleep_in: [cmdline_proc_show], state: interruptible}]}
  - {comm: busy, count: 3, program: [{user: 3ms}, {syscall: [meminfo_proc_show]}, {sleep_in: [uptime_proc_show], for: 7ms}]}
  - {comm: many, count: 60, program: [{sleep_in: [version_proc_show], for: 500ms}]}
`;

const K = 'sys/kernel/livepatch/livepatch_sample';
const FILES = [
  'dev/kmsg',
  'proc/cmdline',
  'proc/4242/comm',
  'proc/4242/patch_state',
  `${K}/enabled`,
  `${K}/transition`,
  'control/wake',
];

const OWNER: Caller = { pid: 77, uid: 0, gid: 0 };
const USER: Caller = { pid: 78, uid: 1000, gid: 1000 };

type Operation =
  | { readonly echo: string; readonly path: string }
  | { readonly open: string; readonly flags: number; readonly by: Caller | undefined }
  | { readonly read: number; readonly offset: number }
  | { readonly write: number; readonly text: string }
  | { readonly interrupt: number }
  | { readonly chmod: string; readonly mode: number }
  | { readonly passMs: number };

const echoes = fc.constantFrom(
  { echo: 'livepatch-sample', path: 'control/insmod' },
  { echo: 'livepatch_sample', path: 'control/rmmod' },
  { echo: 'nosuch', path: 'control/insmod' },
  { echo: '0', path: `${K}/enabled` },
  { echo: '1', path: `${K}/enabled` },
  { echo: '4242', path: 'control/wake' },
  { echo: 'until transition 3s', path: 'control/clock' },
  { echo: 'until idle 15ms', path: 'control/clock' },
  { echo: 'hello \\ \u00e9', path: 'dev/kmsg' },
  { echo: '<3>of a task', path: 'dev/kmsg' },
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: echoes },
  fc.record({
    open: fc.constantFrom(...FILES),
    flags: fc.constantFrom(0, O_WRONLY, O_RDWR),
    by: fc.constantFrom(undefined, USER, OWNER),
  }),
  fc.record({ read: fc.nat(9), offset: fc.constantFrom(0, 0, 5, 30) }),
  fc.record({ write: fc.nat(9), text: fc.constantFrom('0', '1', '4242', 'no UTF-8: \u00e9') }),
  fc.record({ interrupt: fc.nat(3) }),
  fc.record({ chmod: fc.constantFrom(...FILES), mode: fc.constantFrom(0o444, 0o666) }),
  fc.record({ passMs: fc.constantFrom(0, 1, 15, 1000, 3000) }),
);

/** `pass` lets time go by. */
async function perform(
  machine: RecordedMachine,
  operations: readonly Operation[],
  pass: (ms: number) => Promise<void> | void,
): Promise<void> {
  const files: (OpenFile | undefined)[] = [];
  const interrupts: (Interrupt | undefined)[] = [];
  const file = (index: number) => files[index % Math.max(1, files.length)];
  for (const step of operations) {
    if ('echo' in step) interrupts.push(machine.echo(step.echo, step.path));
    else if ('open' in step) files.push(machine.open(step.open, step.flags, step.by));
    else if ('read' in step) interrupts.push(machine.read(file(step.read), step.offset));
    else if ('write' in step) interrupts.push(machine.write(file(step.write), step.text));
    else if ('interrupt' in step) interrupts.at(-1 - step.interrupt)?.();
    else if ('chmod' in step) machine.chmod(step.chmod, step.mode);
    else await pass(step.passMs);
  }
}

/** Everything of a kernel that a client could ever notice, and more. */
function stateOf(kernel: Kernel) {
  const { tasks } = kernel;
  return {
    nowNs: kernel.clock.nowNs,
    timers: kernel.timers.nextSequence,
    traced: kernel.trace.next,
    log: logOf(kernel),
    cpus: kernel.cpus.map(({ current, needResched }) => [current, needResched]),
    tasks: [...listByPid(tasks)].map((task) => [
      pidOf(tasks, task),
      commOf(tasks, task),
      runStateOf(tasks, task),
      patchStateOf(tasks, task),
      [...framesOf(stackOf(tasks, task))].map(({ name }) => name).join(),
    ]),
  };
}

function expectReplayed(machine: RecordedMachine, bugs: readonly object[] = []): void {
  expect(machine.bugs).toMatchObject(bugs);
  const { kernel, verdict } = replay(
    parseRecording(machine.finish(), 'test.jsonl'),
    machine.modules,
  );
  expect(verdict).toEqual({ kind: 'equal' });
  expect(stateOf(kernel)).toEqual(stateOf(machine.kernel));
}

test('a replay equals its recording: manual clock', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
      const machine = recordMachine(TASKS);
      await perform(machine, operations, (ms) => {
        machine.echo(`+${ms}ms`, 'control/clock');
      });
      expectReplayed(machine);
    }),
    { numRuns: 60 },
  );
});

test('a replay equals its recording: real clock', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 15 }), async (operations) => {
      const machine = recordMachine(TASKS, { kind: 'real', speed: 100 });
      await perform(machine, operations, (ms) => wait(ms / 100));
      expectReplayed(machine);
    }),
    { numRuns: 40 },
  );
});

const CROWD = `
release: "4.15"
cpus: 2
tasks:
  - {comm: crowd, count: 30000, program: [{sleep_in: [version_proc_show], for: 2s}]}
`;
const BUSY = `
  - {comm: reader, program: [{sleep_in: [cmdline_proc_show], for: 2s}, {exit: 0}]}
  - {comm: hog, count: 3, program: [{user: 3ms}, {syscall: [meminfo_proc_show]}]}
`;

test('a request that comes while a pass is under way begins at the same step of it', async () => {
  const machine = recordMachine(CROWD, { kind: 'real', speed: 1 });
  await until(() => !hasWork(machine.kernel));
  machine.echo('livepatch-sample', 'control/insmod');
  let inMidst = 0;
  for (const text of ['0', '1', '0']) {
    machine.echo(`before ${text}`, 'dev/kmsg');
    inMidst += hasWork(machine.kernel) ? 1 : 0;
    machine.echo(text, `${K}/enabled`);
    machine.echo(`after ${text}`, 'dev/kmsg');
    await wait(1);
  }
  expect(inMidst).toBeGreaterThan(0);
  await until(() => !hasWork(machine.kernel));
  expectReplayed(machine);
});

test.each([
  ['that is reached', '60s', 'patching complete'],
  ['that is not', '500ms', 'klpfs: clock: after 500ms livepatch_sample is still in transition'],
])('time that runs until a goal %s stops at the same step', async (_which, limit, line) => {
  const machine = recordMachine(`${CROWD}${BUSY}`);
  machine.echo('livepatch-sample', 'control/insmod');
  machine.echo(`until transition ${limit}`, 'control/clock');
  let inMidst = 0;
  while (!logOf(machine.kernel).some((record) => record.endsWith(line))) {
    inMidst += hasWork(machine.kernel) ? 1 : 0;
    machine.echo(`before it: ${inMidst}`, 'dev/kmsg');
    await wait(1);
  }
  expect(inMidst).toBeGreaterThan(0);
  await until(() => !hasWork(machine.kernel));
  machine.echo('after it', 'dev/kmsg');
  expectReplayed(machine);
});

test.each<[string, (machine: RecordedMachine) => void]>([
  [
    'a reader of the log who waits for the next record',
    ({ open, follow, echo }) => {
      follow(open('dev/kmsg', 0));
      echo('next', 'dev/kmsg');
    },
  ],
  [
    'one who has read a lot before',
    ({ open, follow, echo }) => {
      for (let line = 0; line < 150; line += 1) echo(`line ${line}`, 'dev/kmsg');
      follow(open('dev/kmsg', 0));
      echo('next', 'dev/kmsg');
    },
  ],
  [
    'one who is interrupted',
    ({ open, follow }) => {
      follow(open('dev/kmsg', 0))?.();
    },
  ],
  [
    'a name that only threads of its process may write',
    ({ open, write }) => {
      write(open('proc/4242/comm', O_WRONLY, OWNER), 'new');
    },
  ],
  [
    'a name that anybody may write where nobody is known',
    ({ open, write }) => {
      write(open('proc/4242/comm', O_WRONLY), 'new');
    },
  ],
  [
    'a file that is written because its mode was changed',
    ({ open, write, echo, chmod }) => {
      echo('livepatch-sample', 'control/insmod');
      chmod(`${K}/transition`, 0o666);
      write(open(`${K}/transition`, O_WRONLY), '1');
    },
  ],
  [
    'a file whose directory is gone, and there again',
    ({ open, write, echo }) => {
      echo('livepatch-sample', 'control/insmod');
      echo('4242', 'control/wake');
      echo('+3s', 'control/clock');
      const enabled = open(`${K}/enabled`, O_WRONLY);
      write(enabled, '0');
      echo('+3s', 'control/clock');
      echo('livepatch_sample', 'control/rmmod');
      echo('livepatch-sample', 'control/insmod');
      echo('+3s', 'control/clock');
      write(enabled, '0');
    },
  ],
  [
    'one who has the trace open, so that nothing is recorded in it',
    ({ open, read, echo }) => {
      echo('cmdline_proc_show', 'sys/kernel/tracing/set_ftrace_filter');
      echo('function', 'sys/kernel/tracing/current_tracer');
      open('sys/kernel/tracing/trace', 0);
      read(open('proc/cmdline', 0));
    },
  ],
  [
    'a document that is carried out when its file is closed',
    ({ echo }) => {
      const manifest = JSON.stringify({ module: 'm', objects: [{ name: 'vmlinux' }] });
      echo(manifest + ' '.repeat(31 * 4096), 'control/manifest');
      echo('m', 'control/insmod');
    },
  ],
])('is replayed: %s', (_what, use) => {
  const machine = recordMachine(TASKS);
  use(machine);
  expectReplayed(machine);
});

test('a step of the engine that ends with a bug is one in the replay as well', () => {
  const broken = aModule({
    name: 'broken',
    *init(kernel) {
      setTimer(kernel.timers, kernel.clock.nowNs + NS_PER_MS, () => {
        storeRecord(kernel, LOG_LEVEL.error, 'before the bug');
        throw new TypeError('oops');
      });
    },
  });
  const machine = recordMachine(TASKS, { kind: 'manual' }, [broken]);
  machine.echo('broken', 'control/insmod');
  machine.echo('+1s', 'control/clock');
  machine.echo('after the bug', 'dev/kmsg');
  machine.echo('livepatch-sample', 'control/insmod');
  expectReplayed(machine, [{ message: 'oops' }]);
});

test('who only looks leaves no trace', () => {
  const { open, read, finish } = recordMachine(TASKS);
  read(open('proc/4242/patch_state', 0));
  read(open('control/tasks', 0));
  expect(parseRecording(finish(), 'test.jsonl').inputs).toEqual([]);
});

test('an input that cannot be repeated is named', () => {
  const machine = recordMachine(TASKS);
  machine.echo('hello', 'dev/kmsg');
  const text = machine.finish().replaceAll('dev/kmsg', 'dev/null');
  expect(replay(parseRecording(text, 'test.jsonl')).verdict).toMatchObject({
    kind: 'strayed',
    input: { do: 'open', path: 'dev/null' },
    reason: 'there is no dev/null',
  });
});

test('the first difference is shown with the input before it', () => {
  const machine = recordMachine(TASKS);
  for (const text of ['one', 'two', 'three']) machine.echo(text, 'dev/kmsg');
  const text = machine.finish().replace(';two', ';too');
  expect(replay(parseRecording(text, 'test.jsonl')).verdict).toMatchObject({
    kind: 'different',
    recorded: expect.stringMatching(/;too/),
    replayed: expect.stringMatching(/;two/),
    after: { do: 'write', text: 'two\n' },
  });
});

// biome-ignore format: the columns are the point
test.each<[what: string, message: string, damage: (lines: string[]) => string[]]>([
  ['nothing',              '1: no recording of klpfs',       () => []],
  ['other text',           '1: no recording of klpfs',       () => ['hello']],
  ['other JSON',           '1: no recording of klpfs',       () => ['{"a":1}']],
  ['a later format',       '1: a recording of format 2; this klpfs replays format 1', () => ['{"klpfs_recording":2}']],
  ['a bad machine',        '1: machine.cpus: ',              damageLine(1, /"cpus":\d+/, '"cpus":0')],
  ['a bad manifest',       '1: manifests: m.yaml:1:',        damageLine(1, '"manifests":{}', '"manifests":{"m.yaml":"a: 1"}')],
  ['half a line',          '2: no JSON',                     damageLine(2, /.$/, '')],
  ['an unknown input',     '3: do: must be one of load, open, ', damageLine(3, '"write"', '"dance"')],
  ['a field of that kind', '2: path: must be a string',      damageLine(2, /"path":"[^"]*"/, '"path":7')],
  ['a missing field',      '3: offset: must be a count',     damageLine(3, '"offset":0,', '')],
  ['no bytes',             '3: text or base64: one of them must be a string', damageLine(3, /"text":.*}/, '"text":1}')],
  ['steps that go back',   '3: steps: fewer than those of an earlier input', damageLine(2, /"steps":\d+/, '"steps":1000000')],
  ['time that goes back',  '3: ns: before an earlier input', damageLine(2, /"ns":\d+/, '"ns":1e15')],
  ['a number twice',       '3: n: 1 is there twice',         damageLine(3, /"n":\d+/, '"n":1')],
  ['something after the end', '5: there is more after the end', (lines) => [...lines.slice(0, 3), lines.at(-1) ?? '', lines[1] ?? '']],
])('a file with %s is refused', (_what, message, damage) => {
  const machine = recordMachine(TASKS);
  machine.echo('hello', 'dev/kmsg');
  const lines = machine.finish().trimEnd().split('\n');
  const text = damage(lines).map((line) => `${line}\n`).join('');
  expect(() => parseRecording(text, 'test.jsonl')).toThrow(`test.jsonl:${message}`);
});

/** Lines count from 1. */
function damageLine(line: number, what: string | RegExp, damaged: string) {
  return (lines: string[]) => lines.with(line - 1, (lines[line - 1] ?? '').replace(what, damaged));
}

test('what is recorded can be polled, and remembered or not, as if it were not', () => {
  const machine = recordMachine(TASKS);
  const pollable = FILES.filter((path) => machine.open(path, O_RDWR)?.poll);
  expect(pollable).toEqual(['dev/kmsg']);
  expect(machine.find('dev/kmsg')).toMatchObject({ revalidated: true });
  expect(machine.find('control/wake')).not.toHaveProperty('revalidated');
  const task = findTask(machine.kernel.tasks, 4242);
  expect(machine.find('proc/4242')).toMatchObject({
    revalidated: true,
    generation: task === undefined ? 0 : serialOf(machine.kernel.tasks, task),
  });
});
