/** What modules say of themselves in `defineModule()` and `defineLivepatch()`. */
import { expect, test } from 'vitest';
import { defineLivepatch } from '../../src/modules/api.ts';
import { Machine } from '../support/machine.ts';
import { sleepIn } from '../support/scenario.ts';
import { aTask } from '../support/tasks.ts';

const body = () => 0;

// biome-ignore format: the columns are the point
test.each<[immediate: boolean | undefined, transition: string, refcnt: string, rmmod: string]>([
  // immediate   while it sleeps in f   when disabled   then
  [undefined,    '1',                   '0',            'ok'    ],
  [false,        '1',                   '0',            'ok'    ],
  [true,         '0',                   '1',            'EAGAIN'],
])('4.15: a task sleeps in a function whose patch says immediate: %s', (immediate, transition, refcnt, rmmod) => {
  const func = { oldName: 'f', body, ...(immediate === undefined ? {} : { immediate }) };
  const machine = new Machine({
    functions: [{ name: 'f' }, { name: 'elsewhere' }],
    tasks: [aTask({ pid: 501, program: [sleepIn('f'), sleepIn('elsewhere')] })],
    modules: [defineLivepatch({ name: 'p', objects: [{ funcs: [func] }] })],
  });
  expect(machine.insmod('p')).toBe('ok');
  machine.advance(3000);
  expect(machine.cat('p/transition')).toBe(transition);

  machine.write('501', 'control/wake');
  machine.advance(3000);
  machine.echo('0', 'p/enabled');
  machine.advance(3000);
  expect([machine.cat('p/transition'), machine.cat('sys/module/p/refcnt')]).toEqual(['0', refcnt]);
  expect(machine.rmmod('p')).toBe(rmmod);
});
