/** Loading what is just being loaded. Source: kernel/module/main.c:idempotent_init_module(). */
import { expect, test } from 'vitest';
import { KernelError } from '../../src/abi/errno.ts';
import type { Release } from '../../src/abi/release.ts';
import { NS_PER_MS } from '../../src/engine/clock.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';
import { Machine } from '../support/machine.ts';
import { aModule } from '../support/modules.ts';

// biome-ignore format: the columns are the point
test.each<[Release, init: string, first: string, second: string]>([
  ['6.1',  'works', 'ok',     'EEXIST'],
  ['6.12', 'works', 'ok',     'ok'    ],
  ['6.1',  'fails', 'ENOMEM', 'EBUSY' ],
  ['6.12', 'fails', 'ENOMEM', 'ENOMEM'],
])('on %s, where init() %s, insmod answers %s, and another one meanwhile %s', (release, init, first, second) => {
  const slow = aModule({
    name: 'slow',
    *init(kernel) {
      yield* sleepFor(kernel, 'uninterruptible', 50 * NS_PER_MS);
      if (init === 'fails') throw new KernelError('ENOMEM', 'no memory');
    },
    exit: () => {},
  });
  const machine = new Machine({ release, modules: [slow] });
  const writes = [1, 2].map(() => machine.startWrite('slow', 'control/insmod'));
  machine.advance(10);
  expect(writes.map(({ answer }) => answer)).toEqual(['pending', 'pending']);
  machine.advance(50);
  expect(writes.map(({ answer }) => answer)).toEqual([first, second]);
});

test('a module is used by those that need it, the newest first and each once', () => {
  const machine = new Machine({
    modules: [
      aModule({ name: 'a' }),
      aModule({ name: 'b', depends: ['a', 'a'], exit: () => {} }),
      aModule({ name: 'c', depends: ['a', 'b'], exit: () => {} }),
      aModule({ name: 'lost', depends: ['a', 'missing'] }),
    ],
  });
  expect(['a', 'b', 'c', 'lost'].map((name) => machine.insmod(name))).toEqual([
    ...['ok', 'ok', 'ok'],
    'ENOENT',
  ]);
  const shown = () =>
    Object.fromEntries(
      machine
        .cat('proc/modules')
        .split('\n')
        .map((line) => [line.split(' ')[0], line.split(' ').slice(2, 4).join(' ')]),
    );
  expect(shown()).toEqual({ a: '2 c,b,', b: '1 c,', c: '0 -' });
  expect(machine.rmmod('b')).toBe('EAGAIN');
  expect(machine.rmmod('c')).toBe('ok');
  expect(shown()).toEqual({ a: '1 b,', b: '0 -' });
  expect(machine.ls('sys/module/a/holders')).toEqual(['b']);
});
