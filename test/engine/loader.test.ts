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
