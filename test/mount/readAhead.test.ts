/** Reading without asking epoll first: soon after it has paid, seldom while it does not. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ReadAhead } from '../../mount/devfuse/readAhead.ts';

/** A device whose requests are a byte long: a pipe, which says EAGAIN, too. */
function deviceOfBytes() {
  const folder = mkdtempSync(join(tmpdir(), 'klpfs-read-ahead-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  onTestFinished(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  let served = 0;
  const serve = () => {
    served += 1;
  };
  const sink = {
    buffer: Buffer.alloc(1),
    serve,
    close: () => {},
    letGo: new AbortController().signal,
  };
  const readAhead = new ReadAhead(fd, sink);
  return {
    ask: (requests: number) => writeSync(fd, 'x'.repeat(requests)),
    /** How many requests are served in the next turn of the event loop. */
    turn: () => {
      const before = served;
      readAhead.serveMore();
      return served - before;
    },
  };
}

test('what is there already is served in the same turn, and so it is in the next', () => {
  const { ask, turn } = deviceOfBytes();
  ask(3);
  expect(turn()).toBe(3);
  ask(2);
  expect(turn()).toBe(2);
});

test('the longer nothing is there, the seldomer it looks, but it never stops', () => {
  const { ask, turn } = deviceOfBytes();
  for (let turns = 0; turns < 2000; turns += 1) expect(turn()).toBe(0);
  ask(1);

  let waited = 0;
  while (turn() === 0) waited += 1;

  expect(waited).toBeGreaterThan(10);
  expect(waited).toBeLessThan(256);
  ask(1);
  expect(turn()).toBe(1);
});

test('a crowd does not keep it from the rest of the event loop', () => {
  const { ask, turn } = deviceOfBytes();
  ask(60_000);
  const startMs = performance.now();
  const served = turn();
  expect(performance.now() - startMs).toBeLessThan(50);
  expect(served).toBeGreaterThan(0);
  expect(served).toBeLessThan(60_000);
});
