/**
 * What others than root are refused, or do not see, beyond permission bits; and that nobody is
 * where the transport cannot tell who asks.
 *
 * Source: printk.c:devkmsg_open(), kallsyms.c:kallsyms_show_value(), fs/proc/base.c, array.c.
 */
import { expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../src/abi/bytes.ts';
import { O_RDWR, O_WRONLY } from '../../src/abi/mode.ts';
import { isContext } from '../../src/engine/sched/context.ts';
import { findTask } from '../../src/engine/sched/task.ts';
import { NO_HOST } from '../../src/sysfs/host.ts';
import type { Caller } from '../../src/sysfs/node.ts';
import { mountedTree } from '../../src/sysfs/root.ts';
import { Machine } from '../support/machine.ts';
import { aModule } from '../support/modules.ts';
import { sleepIn } from '../support/scenario.ts';
import { aTask, aThread } from '../support/tasks.ts';

const O_RDONLY = 0;
const callerOf = (uid: number): Caller => ({ pid: 77, uid, gid: uid });
const ROOT = callerOf(0);
const USER = callerOf(1000);
const UNKNOWN = undefined;

function aMachine(): Machine {
  const machine = new Machine({
    release: '6.1',
    functions: [{ name: 'outer' }],
    modules: [aModule({ name: 'm', functions: [{ name: 'in_m' }] })],
    tasks: [
      aTask({
        comm: 'sleeper',
        pid: 30,
        program: [sleepIn('outer')],
        threads: [aThread({ comm: 'thread', pid: 31, program: [sleepIn('outer')] })],
      }),
      aTask({ comm: 'other', pid: 40, program: [sleepIn('outer')] }),
      aTask({ comm: 'lonely', pid: 50, program: [sleepIn('outer')] }),
    ],
  });
  machine.insmod('m');
  machine.advance(1);
  return machine;
}

function read(machine: Machine, path: string, caller: Caller | undefined): string {
  return machine.attempt(() =>
    decodeUtf8(
      machine.finish(
        machine
          .file(path)
          .open(O_RDONLY, caller)
          .read(0, 1 << 20),
      ),
    ),
  );
}

// biome-ignore format: the columns are the point
test.each([
  [O_RDONLY, ROOT,    'ok'   ],
  [O_RDONLY, USER,    'EPERM'],
  [O_RDONLY, UNKNOWN, 'ok'   ],
  [O_RDWR,   USER,    'EPERM'],
  [O_WRONLY, USER,    'ok'   ],
])('the log, opened with %i by %o: %s', (flags, caller, answer) => {
  const machine = aMachine();
  const opened = machine.attempt(() => {
    machine.file('dev/kmsg').open(flags, caller);
    return 'ok';
  });
  expect(opened).toBe(answer);
});

const ADDRESS = /^(0x)?ffffffff[0-9a-f]{8}$/;
const HIDDEN = /^(0x)?0{16}$/;

// biome-ignore format: the columns are the point
test.each([
  ['proc/kallsyms', 0, ROOT,    ADDRESS],
  ['proc/kallsyms', 0, USER,    HIDDEN ],
  ['proc/kallsyms', 0, UNKNOWN, ADDRESS],
  ['proc/modules',  5, ROOT,    ADDRESS],
  ['proc/modules',  5, USER,    HIDDEN ],
  ['proc/modules',  5, UNKNOWN, ADDRESS],
])('%s: column %i for %o', (path, column, caller, address) => {
  const lines = read(aMachine(), path, caller).trimEnd().split('\n');
  for (const line of lines) expect(line.split(/[ \t]/)[column]).toMatch(address);
});

test('all but the addresses is the same', () => {
  const machine = aMachine();
  const strip = (text: string) => text.replace(/\b(0x)?[0-9a-f]{16}\b/g, '');
  for (const path of ['proc/kallsyms', 'proc/modules']) {
    expect(strip(read(machine, path, USER))).toBe(strip(read(machine, path, ROOT)));
  }
});

// biome-ignore format: the columns are the point
test.each([
  ['wchan', ROOT,    'outer'],
  ['wchan', USER,    '0'    ],
  ['wchan', UNKNOWN, 'outer'],
  ['stat',  ROOT,    '1'    ],
  ['stat',  USER,    '0'    ],
  ['stat',  UNKNOWN, '1'    ],
])('where a task sleeps, in %s for %o: %s', (name, caller, shown) => {
  const text = read(aMachine(), `proc/50/${name}`, caller);
  expect(name === 'stat' ? text.split(' ')[34] : text).toBe(shown);
});

test('whoever runs the machine is root in it', () => {
  const { kernel } = aMachine();
  const { root } = mountedTree(
    kernel,
    { verbs: [], transactions: [] },
    { owner: { uid: 1000, gid: 1000 }, host: NO_HOST },
  );
  const dev = root.lookup('dev');
  const kmsg = dev?.kind === 'directory' ? dev.lookup('kmsg') : undefined;
  if (kmsg?.kind !== 'file') throw new Error('there is no log');
  expect(() => kmsg.open(O_RDONLY, USER)).not.toThrow();
  expect(() => kmsg.open(O_RDONLY, ROOT)).not.toThrow();
  expect(() => kmsg.open(O_RDONLY, callerOf(1001))).toThrow('CAP_SYSLOG');
});

/** Writes to comm while the task of that pid is running. */
function nameAs(machine: Machine, current: number, path: string, comm: string): string {
  const { kernel } = machine;
  return machine.attempt(() => {
    const answer = machine.file(path).open(O_WRONLY, ROOT).write(0, encodeUtf8(comm));
    kernel.current = findTask(kernel.tasks, current) ?? kernel.current;
    return String(isContext(answer) ? answer.next().value : answer);
  });
}

// biome-ignore format: the columns are the point
test.each([
  // current  file                    answer
  [30,        'proc/30/comm',         '4'     ],
  [31,        'proc/30/comm',         '4'     ],
  [30,        'proc/30/task/31/comm', '4'     ],
  [40,        'proc/30/comm',         'EINVAL'],
])('the task %i writes to %s: %s', (current, path, answer) => {
  const machine = aMachine();
  const before = read(machine, path, ROOT);
  expect(nameAs(machine, current, path, 'new\n')).toBe(answer);
  expect(read(machine, path, ROOT)).toBe(answer === 'EINVAL' ? before : 'new\n\n');
});

test('a process that is none of the machine names nobody', () => {
  const machine = aMachine();
  const write = () =>
    machine.finish(machine.file('proc/30/comm').open(O_WRONLY, ROOT).write(0, encodeUtf8('new')));
  expect(machine.attempt(() => String(write()))).toBe('EINVAL');
  expect(machine.cat('proc/30/comm')).toBe('sleeper');
});
