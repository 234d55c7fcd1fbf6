/** control/tool: one request for each open file, and its answer. */
import { expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../src/abi/bytes.ts';
import { KernelError } from '../../src/abi/errno.ts';
import { O_NONBLOCK, O_RDWR, O_WRONLY } from '../../src/abi/mode.ts';
import { NS_PER_MS } from '../../src/engine/clock.ts';
import { storeRecord } from '../../src/engine/printk.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';
import { Machine } from '../support/machine.ts';
import { aModule } from '../support/modules.ts';

const REQUEST = encodeUtf8('uname\0-r\0');

function openTool(machine: Machine, flags = O_RDWR) {
  const file = machine.open('control/tool', flags);
  const attempt = (operation: () => string) => machine.attempt(operation);
  return {
    write: (offset: number, data: Uint8Array | string) =>
      attempt(() => {
        const bytes = typeof data === 'string' ? encodeUtf8(data) : data;
        return String(machine.finish(file.write(offset, bytes)));
      }),
    read: (offset: number, sizeBytes = 4096) =>
      attempt(() => decodeUtf8(machine.finish(file.read(offset, sizeBytes)))),
    close: () => machine.finish(file.release()),
  };
}

test('a request, and its answer from where the request ended, or from a seek back', () => {
  const tool = openTool(new Machine());
  expect(tool.write(0, REQUEST)).toBe('9');
  expect([tool.read(9, 4), tool.read(13), tool.read(20)]).toEqual(['14.1', '5.0\n=0\n', '']);
  expect([tool.read(17), tool.read(0)]).toEqual(['=0\n', '14.15.0\n=0\n']);
});

test('before a request there is nothing, and a second one is EBUSY', () => {
  const tool = openTool(new Machine());
  expect([tool.read(0), tool.read(0)]).toEqual(['', '']);
  expect([tool.write(0, REQUEST), tool.write(9, REQUEST)]).toEqual(['9', 'EBUSY']);
  expect(tool.read(9)).toBe('14.15.0\n=0\n');
});

// biome-ignore format: the columns are the point
test.each<[what: string, request: string, errno: string]>([
  ['nothing',            '',                             'EINVAL'],
  ['no NUL at the end',  'lsmod',                        'EINVAL'],
  ['variables only',     'A=1\0B=2\0',                   'ENOENT'],
  ['no such program',    'reboot\0',                     'ENOENT'],
  ['too long a request', `lsmod\0${'x'.repeat(65_536)}\0`, 'EFBIG'],
])('%s is %s, and another request can follow', (_, request, errno) => {
  const tool = openTool(new Machine());
  expect(tool.write(0, request)).toBe(errno);
  expect([tool.write(0, REQUEST), tool.read(9)]).toEqual(['9', '14.15.0\n=0\n']);
});

test('open files do not mix', () => {
  const machine = new Machine();
  const [one, other] = [openTool(machine), openTool(machine)];
  expect([one.write(0, REQUEST), other.write(0, 'lsmod\0x\0')]).toEqual(['9', '8']);
  expect([other.read(8), one.read(9)]).toEqual(['2Usage: lsmod\n=1\n', '14.15.0\n=0\n']);
});

/** A machine in which an insmod sleeps for a second, interruptibly. */
function machineWithSleeper(): Machine {
  return new Machine({
    cpus: 2,
    modules: [
      aModule({
        name: 'sleeper',
        *init(kernel) {
          const wakeup = yield* sleepFor(kernel, 'interruptible', 1000 * NS_PER_MS);
          if (wakeup === 'signal') throw new KernelError('EINTR', 'a signal came');
        },
      }),
    ],
  });
}

test('the write is answered at once, reading waits for the end', () => {
  const machine = machineWithSleeper();
  const tool = openTool(machine, O_RDWR | O_NONBLOCK);
  expect([tool.write(0, 'insmod\0sleeper\0'), tool.read(15)]).toEqual(['15', 'EAGAIN']);
  expect(machine.cat('sys/module/sleeper/initstate')).toBe('coming');
  machine.advance(1000);
  expect([tool.read(15), machine.cat('sys/module/sleeper/initstate')]).toEqual(['=0\n', 'live']);
});

test('closing the file before the end sends the program a signal', () => {
  const machine = machineWithSleeper();
  const tool = openTool(machine);
  tool.write(0, 'insmod\0sleeper\0');
  tool.close();
  machine.advance(0);
  expect(machine.ls('sys/module')).toEqual([]);
});

test('a program that prints without end waits for its reader, and goes on with what is left', () => {
  const machine = new Machine();
  const tool = openTool(machine, O_RDWR | O_NONBLOCK);
  const log = (count: number, from: number) => {
    for (let index = from; index < from + count; index += 1) {
      storeRecord(machine.kernel, 6, `${index} ${'x'.repeat(900)}`);
      machine.advance(0);
    }
  };
  const size = tool.write(0, 'dmesg\0-tW\0');
  let offset = Number(size);
  log(400, 0);
  let text = '';
  for (let part = ''; part !== 'EAGAIN'; part = tool.read(offset, 8192)) {
    text += part;
    offset += part.length;
    machine.advance(0);
  }
  const seen = [...text.matchAll(/^1(\d+) x/gm)].map(([, index]) => Number(index));
  expect(seen[0]).toBe(0);
  expect(seen.at(-1)).toBe(399);
  expect(seen.length).toBeLessThan(400);
  tool.close();
});

test('a file that is only written to is asked as well', () => {
  const machine = machineWithSleeper();
  expect(openTool(machine, O_WRONLY).write(0, 'insmod\0sleeper\0')).toBe('15');
  expect(machine.ls('sys/module')).toEqual(['sleeper']);
});
