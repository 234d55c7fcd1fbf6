/**
 * A client of a mount, as a process of its own: benchClient OPERATION PATH MILLISECONDS
 *
 * Repeats pread, probe (pread, then a pause of a millisecond), orc (open, read, close) or toggle
 * (write 0 and 1 in turns) and prints how long each took, as JSON.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

export interface ClientResult {
  readonly operations: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

const [operation, path = '', duration] = process.argv.slice(2);
const buffer = Buffer.alloc(4096);
const pause = new Int32Array(new SharedArrayBuffer(4));

function operations(): () => void {
  if (operation === 'pread' || operation === 'probe') {
    const fd = openSync(path, 'r');
    return () => readSync(fd, buffer, 0, buffer.length, 0);
  }
  if (operation === 'toggle') {
    const fd = openSync(path, 'r+');
    let value = readSync(fd, buffer, 0, 1, 0) === 1 && buffer[0] === 0x31 ? 1 : 0;
    return () => {
      value = 1 - value;
      writeSync(fd, `${value}\n`);
    };
  }
  return () => {
    const fd = openSync(path, 'r');
    readSync(fd, buffer, 0, buffer.length, null);
    closeSync(fd);
  };
}

function measure(): ClientResult {
  const perform = operations();
  const timesUs: number[] = [];
  const end = process.hrtime.bigint() + BigInt(Number(duration) * 1e6);
  for (let before = process.hrtime.bigint(); before < end; ) {
    perform();
    const after = process.hrtime.bigint();
    timesUs.push(Number(after - before) / 1000);
    if (operation === 'probe') Atomics.wait(pause, 0, 0, 1);
    before = process.hrtime.bigint();
  }
  timesUs.sort((a, b) => a - b);
  const quantile = (share: number) => timesUs[Math.floor((timesUs.length - 1) * share)] ?? 0;
  return {
    operations: timesUs.length,
    p50Us: quantile(0.5),
    p99Us: quantile(0.99),
    maxUs: quantile(1),
  };
}

process.stdout.write(JSON.stringify(measure()));
