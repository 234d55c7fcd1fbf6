/**
 * What open files are ready for, and who is told when that may have changed.
 *
 * Source: fs/kernfs/file.c:kernfs_fop_poll(), printk.c:devkmsg_poll(), trace.c:trace_poll();
 * recordings read.poll*, read.removed.* and force.read.sys of Linux 6.1 and 6.12.
 */
import { expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/abi/bytes.ts';
import {
  O_NONBLOCK,
  O_RDWR,
  O_WRONLY,
  POLLERR,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDNORM,
  POLLWRNORM,
} from '../../src/abi/mode.ts';
import type { Release } from '../../src/abi/release.ts';
import type { OpenFile } from '../../src/sysfs/node.ts';
import { Machine } from '../support/machine.ts';
import { aModule, cmdlinePatch } from '../support/modules.ts';

const BITS = [
  ['IN', POLLIN],
  ['PRI', POLLPRI],
  ['OUT', POLLOUT],
  ['ERR', POLLERR],
  ['RDNORM', POLLRDNORM],
  ['WRNORM', POLLWRNORM],
] as const;

function show(mask: number | undefined): string | undefined {
  if (mask === undefined) return undefined;
  return BITS.flatMap(([name, bit]) => (mask & bit ? [name] : [])).join('|');
}

const DEFAULT = 'IN|OUT|RDNORM|WRNORM';
const EVENT = 'IN|PRI|OUT|ERR|RDNORM|WRNORM';
const READABLE = 'IN|RDNORM';
const TRACING = 'sys/kernel/tracing';

const read = (machine: Machine, file: OpenFile, offset = 0) =>
  machine.attempt(() => String(machine.finish(file.read(offset, 8192)).length));

/** Counts how often it is told. */
function counter() {
  let told = 0;
  const wake = () => {
    told += 1;
  };
  return { wake, told: () => told };
}

const remove = (machine: Machine) => {
  machine.echo('0', 'p/enabled');
  machine.advance(5000);
  machine.rmmod('p');
};

/** What happens to an open file before it is polled. */
const BEFORE = {
  untouched: () => {},
  read: (machine: Machine, file: OpenFile) => read(machine, file),
  'read from 1': (machine: Machine, file: OpenFile) => read(machine, file, 1),
  removed: remove,
  'read, removed': (machine: Machine, file: OpenFile) => {
    read(machine, file);
    remove(machine);
  },
} as const;

const PATCH = 'sys/kernel/livepatch/p';

// biome-ignore format: the columns are the point
test.each<[Release, string, number, keyof typeof BEFORE, string | undefined]>([
  ['4.15', `${PATCH}/enabled`,             0,        'untouched',     EVENT    ],
  ['6.1',  `${PATCH}/enabled`,             0,        'untouched',     EVENT    ],
  ['6.1',  `${PATCH}/enabled`,             0,        'read',          DEFAULT  ],
  ['6.1',  `${PATCH}/enabled`,             0,        'read from 1',   DEFAULT  ],
  ['4.15', `${PATCH}/enabled`,             0,        'read, removed', EVENT    ],
  ['6.1',  `${PATCH}/enabled`,             0,        'read, removed', EVENT    ],
  ['6.1',  `${PATCH}/enabled`,             O_WRONLY, 'untouched',     EVENT    ],
  ['6.1',  `${PATCH}/force`,               O_WRONLY, 'untouched',     EVENT    ],
  ['6.1',  `${PATCH}/force`,               O_WRONLY, 'removed',       EVENT    ],
  ['6.1',  `${PATCH}/vmlinux/patched`,     0,        'read',          DEFAULT  ],
  ['6.1',  'sys/module/m/initstate',       0,        'untouched',     EVENT    ],
  ['6.1',  'sys/module/m/parameters/n',    O_RDWR,   'read',          DEFAULT  ],
  ['6.1',  'dev/kmsg',                     0,        'untouched',     READABLE ],
  ['6.1',  `${TRACING}/trace_pipe`,        0,        'untouched',     ''       ],
  // Files without a poll() of their own are always ready.
  ['6.1',  `${TRACING}/trace`,             0,        'untouched',     undefined],
  ['6.1',  `${TRACING}/set_ftrace_filter`, O_RDWR,   'untouched',     undefined],
  ['6.1',  'sys/kernel/debug/dynamic_debug/control', 0, 'untouched',  undefined],
  ['6.1',  'proc/modules',                 0,        'untouched',     undefined],
  ['6.1',  'proc/sys/kernel/tainted',      0,        'untouched',     undefined],
  ['6.1',  'proc/3/patch_state',           0,        'untouched',     undefined],
])('%s: %s, opened with %i, %s: %s', (release, path, flags, before, expected) => {
  const m = aModule({
    name: 'm',
    parameters: [{ name: 'n', type: 'int', default: 1, mode: 0o644 }],
  });
  const machine = new Machine({ release, modules: [cmdlinePatch('p'), m] });
  machine.insmod('p');
  machine.insmod('m');
  machine.advance(2000);
  const file = machine.open(path, flags);
  BEFORE[before](machine, file);
  expect(show(file.poll?.(undefined))).toBe(expected);
});

test('what one open file has seen is no news to it alone', () => {
  const machine = new Machine({ release: '6.1', modules: [cmdlinePatch('p')] });
  machine.insmod('p');
  const [first, second] = [machine.open('p/enabled', 0), machine.open('p/enabled', 0)];
  read(machine, first);
  expect(show(first.poll?.(undefined))).toBe(DEFAULT);
  expect(show(second.poll?.(undefined))).toBe(EVENT);
});

/** A poll that began before waits for its whole timeout: read.removed.poll took 6 of 6 seconds. */
test('nobody is woken when a patch goes', () => {
  const machine = new Machine({ release: '6.1', modules: [cmdlinePatch('p')] });
  machine.insmod('p');
  const file = machine.open('p/enabled', 0);
  read(machine, file);
  const { wake, told } = counter();
  file.poll?.(wake);
  remove(machine);
  expect(told()).toBe(0);
  expect(show(file.poll?.(wake))).toBe(EVENT);
});

function readToTheEnd(machine: Machine): OpenFile {
  const file = machine.open('dev/kmsg', O_NONBLOCK);
  for (let offset = 0; ; ) {
    const size = Number(read(machine, file, offset));
    if (Number.isNaN(size)) return file;
    offset += size;
  }
}

const line = (machine: Machine) => machine.write('hello\n', 'dev/kmsg');
/** The function tracer sees the read. */
const call = (machine: Machine) => machine.cat('proc/version');

function emptyPipe(machine: Machine): OpenFile {
  machine.echo('version_proc_show', `${TRACING}/set_ftrace_filter`);
  machine.echo('function', `${TRACING}/current_tracer`);
  return machine.open(`${TRACING}/trace_pipe`, O_NONBLOCK);
}

function unanswered(machine: Machine): OpenFile {
  const file = machine.open('control/tool', O_RDWR);
  const request = ['dmesg', '--follow-new'].map((word) => `${word}\0`).join('');
  machine.finish(file.write(0, encodeUtf8(request)));
  machine.advance(1);
  return file;
}

// biome-ignore format: the columns are the point
const QUEUES = [
  ['dev/kmsg',     readToTheEnd, line, '',           READABLE],
  ['trace_pipe',   emptyPipe,    call, '',           READABLE],
  ['control/tool', unanswered,   line, 'OUT|WRNORM', DEFAULT ],
] as const;

test.each(QUEUES)('%s: who polls is told once', (_name, open, happen, before, after) => {
  const machine = new Machine({ release: '6.1' });
  const file = open(machine);
  const { wake, told } = counter();
  expect(show(file.poll?.(wake))).toBe(before);
  expect(told()).toBe(0);
  happen(machine);
  machine.advance(1);
  happen(machine);
  machine.advance(1);
  expect(told()).toBe(1);
  expect(show(file.poll?.(wake))).toBe(after);
});

test.each(QUEUES)('%s: the last who polls is told', (_name, open, happen) => {
  const machine = new Machine({ release: '6.1' });
  const file = open(machine);
  const [first, second] = [counter(), counter()];
  file.poll?.(first.wake);
  file.poll?.(second.wake);
  file.poll?.(undefined);
  happen(machine);
  machine.advance(1);
  expect([first.told(), second.told()]).toEqual([0, 1]);
});

test.each(QUEUES)('%s: nobody is told any more once it is closed', (_name, open, happen) => {
  const machine = new Machine({ release: '6.1' });
  const [closed, still] = [open(machine), open(machine)];
  const { wake, told } = counter();
  closed.poll?.(wake);
  still.poll?.(wake);
  machine.finish(closed.release());
  happen(machine);
  machine.advance(1);
  expect(told()).toBe(1);
});

test('an open of the log whose next record was lost reports an error, and is readable', () => {
  const machine = new Machine({ release: '6.1' });
  const file = machine.open('dev/kmsg', 0);
  read(machine, file);
  const long = 'x'.repeat(900);
  for (let written = 0; written < 400; written += 1) machine.write(long, 'dev/kmsg');
  expect(show(file.poll?.(undefined))).toBe('IN|PRI|ERR|RDNORM');
  expect(read(machine, file, 1_000_000)).toBe('EPIPE');
  expect(show(file.poll?.(undefined))).toBe(READABLE);
});

test('whoever polls trace_pipe hears when tracing goes off', () => {
  const machine = new Machine({ release: '6.1' });
  const file = emptyPipe(machine);
  const { wake, told } = counter();
  file.poll?.(wake);
  machine.echo('0', `${TRACING}/tracing_on`);
  expect(told()).toBe(1);
});
