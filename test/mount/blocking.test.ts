/** Reads and writes that are answered later, or not until somebody gives up. */
import { expect, test } from 'vitest';
import { KernelError } from '../../src/abi/errno.ts';
import { until } from '../support/clients.ts';
import { directory, file, sleepThen } from '../support/memoryTree.ts';
import { TRANSPORT } from '../support/transport.ts';
import { mounted } from './mounted.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('an answer may come later, while others are served', async () => {
  const later = file('', { read: () => sleepThen(() => bytes('late\n')) });
  const { sh, wakeAll, sleeping } = await mounted(directory({ later, file: file('1\n') }));

  const reader = sh('head -c 5 $MNT/later');
  await until(() => sleeping() === 1);
  expect((await sh('cat $MNT/file')).output).toBe('1\n');
  wakeAll();

  expect((await reader).output).toBe('late\n');
});

test('an error may come later, too', async () => {
  const later = file('', {
    write: () =>
      sleepThen(() => {
        throw new KernelError('EBUSY', 'somebody was faster');
      }),
  });
  const { sh, wakeAll, sleeping } = await mounted(directory({ later }));

  const writer = sh('echo 1 > $MNT/later');
  await until(() => sleeping() === 1);
  wakeAll();

  expect((await writer).errors).toMatch(/Device or resource busy/);
});

const toldOfSignals = test.runIf(TRANSPORT.capabilities.interrupt);
const untoldOfSignals = test.skipIf(TRANSPORT.capabilities.interrupt);

toldOfSignals.each([
  ['read', 'head -c 5 $MNT/waits'],
  ['write', 'echo 1 > $MNT/waits'],
])('a %s that waits goes on waiting, until a signal ends it', async (_, command) => {
  const waits = file('', {
    read: () => sleepThen(() => bytes('')),
    write: () => sleepThen(() => 1),
  });
  const { sh, wakeAll, sleeping, bugs } = await mounted(directory({ waits }));

  const client = sh(`${command} & sleep 1.5; kill -0 $!; kill -KILL $!; wait $!`);
  await until(() => sleeping() === 1);
  const startMs = performance.now();

  expect((await client).status).toBe(128 + 9);
  expect(performance.now() - startMs).toBeGreaterThan(1000);
  expect(sleeping()).toBe(0);
  wakeAll();
  expect(bugs).toEqual([]);
});

untoldOfSignals('a read that waits is interrupted after a second, a write goes on', async () => {
  const waits = file('', {
    read: () => sleepThen(() => bytes('')),
    write: () => sleepThen(() => 1),
  });
  const { answers, wakeAll, sleeping, bugs } = await mounted(directory({ waits }));

  // Python, bash and cat read again after EINTR; libc's read() does not.
  const startMs = performance.now();
  const got = await answers([
    "open_as('r', '/waits', os.O_RDONLY)",
    "libc.read(opened['r'], room, 10), ctypes.get_errno()",
  ]);
  const tookMs = performance.now() - startMs;
  expect(got).toEqual(['ok', '(-1, 4)']);
  expect(tookMs).toBeGreaterThan(950);
  expect(tookMs).toBeLessThan(3000);

  const writer = answers(["open_as('w', '/waits', os.O_WRONLY)", "write('w', '1')"]);
  await until(() => sleeping() === 1);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(sleeping()).toBe(1);
  wakeAll();
  expect(await writer).toEqual(['ok', '1']);
  expect(bugs).toEqual([]);
});
