/**
 * /dev/kmsg and the log behind it.
 *
 * Source: kernel/printk/printk.c; Documentation/ABI/testing/dev-kmsg.
 */
import { expect, test } from 'vitest';
import { decodeUtf8 } from '../../src/abi/bytes.ts';
import { O_NONBLOCK } from '../../src/abi/mode.ts';
import { isContext } from '../../src/engine/sched/context.ts';
import { interruptRequest, startRequest } from '../../src/engine/sched/request.ts';
import type { Outcome } from '../../src/engine/sched/scheduler.ts';
import { Machine } from '../support/machine.ts';

const PATH = 'dev/kmsg';

function openLog(machine: Machine) {
  const file = machine.open(PATH, O_NONBLOCK);
  let offset = 0;
  return {
    next: (size = 8192): string =>
      machine.attempt(() => {
        const bytes = machine.finish(file.read(offset, size));
        offset += bytes.length;
        return decodeUtf8(bytes);
      }),
    rewind: () => {
      offset = 0;
    },
  };
}

test('one record a read: priority, sequence, microseconds, text; then EAGAIN', () => {
  const machine = new Machine();
  machine.advance(1500);
  machine.write('hello\n', PATH);
  const log = openLog(machine);
  expect(log.next()).toBe('5,0,0,-;Linux version 4.15.0 (klpfs@emulated) (no compiler) #1 SMP\n');
  expect(log.next()).toBe('6,1,1,-;Command line: quiet\n');
  expect(log.next()).toBe('12,2,1500000,-;hello\n');
  expect(log.next()).toBe('EAGAIN');
  log.rewind();
  expect(log.next()).toMatch(/^5,0,/);
});

// biome-ignore format: the columns are the point
test.each([
  ['plain\n',     '12', 'plain'        ],
  ['no newline',  '12', 'no newline'   ],
  ['<3>bad\n',    '11', 'bad'          ],
  ['<30>daemon',  '30', 'daemon'       ],
  ['<x>odd',      '12', '<x>odd'       ],
  ['two\nlines\n', '12', 'two\\x0alines'],
  ['tab\t\\ é',   '12', 'tab\\x09\\x5c \\xc3\\xa9'],
])('a line %j of user space is logged with priority %s', (line, priority, text) => {
  const machine = new Machine();
  expect(machine.write(line, PATH)).toBe('ok');
  const log = openLog(machine);
  log.next();
  log.next();
  expect(log.next()).toMatch(/^\d+,2,\d+,-;.*\n$/);
  log.rewind();
  const records = [log.next(), log.next(), log.next()];
  expect(records[2]?.split(',')[0]).toBe(priority);
  expect(records[2]?.split(';')[1]).toBe(`${text}\n`);
});

test('a line has at most 992 bytes, a read has room for a whole record', () => {
  const machine = new Machine();
  expect(machine.write('x'.repeat(993), PATH)).toBe('EINVAL');
  expect(machine.write('x'.repeat(992), PATH)).toBe('ok');
  expect(openLog(machine).next(10)).toBe('EINVAL');
});

test('the ring holds 256 KiB; who is too slow gets EPIPE once, then the oldest that is left', () => {
  const machine = new Machine();
  const log = openLog(machine);
  log.next();
  for (let line = 0; line < 400; line += 1) machine.write(`${line} ${'x'.repeat(900)}`, PATH);
  expect(log.next()).toBe('EPIPE');
  const record = log.next();
  expect(Number(record.split(',')[1])).toBeGreaterThan(100);
  const { records } = machine.kernel.log;
  expect(records.reduce((sum, { text }) => sum + text.length + 32, 0)).toBeLessThanOrEqual(262_144);
});

test('equal lines have different times', () => {
  const machine = new Machine();
  for (let line = 0; line < 5; line += 1) machine.write('same', PATH);
  const times = machine.kernel.log.records.map(({ timeUs }) => timeUs);
  expect(new Set(times).size).toBe(times.length);
});

test('a blocking read waits for the next record, and a signal ends it', () => {
  const machine = new Machine();
  const file = machine.open(PATH, 0);
  let offset = 0;
  for (const _record of machine.kernel.log.records) {
    offset += machine.finish(file.read(offset, 8192)).length;
  }
  const wait = () => {
    const answer = file.read(offset, 8192);
    if (!isContext(answer)) throw new Error('there was a record');
    const outcomes: Outcome<Uint8Array>[] = [];
    const task = startRequest(machine.kernel, answer, (outcome) => outcomes.push(outcome));
    machine.advance(1000);
    return { outcomes, task };
  };
  const first = wait();
  expect(first.outcomes).toEqual([]);
  machine.write('news', PATH);
  machine.advance(0);
  const news = (first.outcomes[0] as { value: Uint8Array }).value;
  expect(decodeUtf8(news)).toContain(';news\n');
  offset += news.length;

  const second = wait();
  interruptRequest(machine.kernel, second.task);
  machine.advance(0);
  expect(second.outcomes).toMatchObject([{ error: { code: 'EINTR' } }]);
});

test('a seek to the end leads behind the last record, one to the beginning before the first', () => {
  const machine = new Machine();
  const file = machine.open(PATH, O_NONBLOCK);
  const { sizeBytes } = machine.file(PATH).attributes();
  const read = (offset: number) =>
    machine.attempt(() => decodeUtf8(machine.finish(file.read(offset, 8192))));
  machine.write('news', PATH);
  const news = read(sizeBytes);
  expect(news).toContain(';news\n');
  expect(read(sizeBytes + news.length)).toBe('EAGAIN');
  expect(read(0)).toMatch(/^5,0,/);
});
