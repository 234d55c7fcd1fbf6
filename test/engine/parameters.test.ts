/**
 * Module parameters: what insmod and their files take, and what they show. What is refused here, and
 * what stays of it, a 6.1 kernel said of such a module.
 *
 * Source: kernel/params.c, kernel/module.c.
 */
import { expect, test } from 'vitest';
import { KernelError } from '../../src/abi/errno.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';
import { Machine } from '../support/machine.ts';
import { aModule } from '../support/modules.ts';

const machineWithAll = () =>
  new Machine({
    modules: [
      aModule({
        name: 'm',
        parameters: [
          { name: 'number', type: 'int', default: 3, mode: 0o644 },
          { name: 'flag', type: 'bool', default: false, mode: 0o600 },
          { name: 'text', type: 'string', default: '', mode: 0o444 },
          { name: 'words', type: 'string', default: '', mode: 0o644 },
          { name: 'hidden', type: 'int', default: 1, mode: 0 },
          { name: 'numbers', type: 'int', most: 3, default: [7], mode: 0o644 },
          { name: 'flags', type: 'bool', most: 2, default: [], mode: 0o644 },
          { name: 'texts', type: 'string', most: 2, default: [], mode: 0o644 },
        ],
      }),
    ],
  });

const PARAMETERS = 'sys/module/m/parameters';

// biome-ignore format: the columns are the point
test.each<[word: string, answer: string, parameter: string, shown: string, line?: string]>([
  ['number=0x10',      'ok',     'number',  '16'    ],
  ['number=-010',      'ok',     'number',  '-8'    ],
  ['number=2147483648','ERANGE', 'number',  'ENOENT', "m: `2147483648' invalid for parameter `number'"],
  ['number=1,2',       'EINVAL', 'number',  'ENOENT', "m: `1,2' invalid for parameter `number'"],
  ['number',           'EINVAL', 'number',  'ENOENT', "m: `' invalid for parameter `number'"],
  ['flag',             'ok',     'flag',    'Y'     ],
  ['flag=on',          'ok',     'flag',    'Y'     ],
  ['flag=',            'EINVAL', 'flag',    'ENOENT', "m: `' invalid for parameter `flag'"],
  ['text=',            'ok',     'text',    ''      ],
  ['text=a,b=c',       'ok',     'text',    'a,b=c' ],
  ['hidden=5',         'ok',     'hidden',  'ENOENT'],
  ['numbers=1,2',      'ok',     'numbers', '1,2'   ],
  ['numbers=1,2,3',    'ok',     'numbers', '1,2,3' ],
  ['numbers=1,2,3,4',  'EINVAL', 'numbers', 'ENOENT', "numbers: can only take 3 arguments\nm: `1' invalid for parameter `numbers'"],
  ['numbers=',         'EINVAL', 'numbers', 'ENOENT', "m: `' invalid for parameter `numbers'"],
  ['numbers=1,',       'EINVAL', 'numbers', 'ENOENT', "m: `1' invalid for parameter `numbers'"],
  ['numbers=1,x',      'EINVAL', 'numbers', 'ENOENT', "m: `1' invalid for parameter `numbers'"],
  ['flags=Y,n',        'ok',     'flags',   'Y,N'   ],
  ['flags',            'EINVAL', 'flags',   'ENOENT', "m: `' invalid for parameter `flags'"],
  ['texts=one,',       'ok',     'texts',   'one,'  ],
  ['other=1',          'ok',     'number',  '3',      "m: unknown parameter 'other' ignored"],
  ['m.number=1',       'ok',     'number',  '3',      "m: unknown parameter 'm' ignored"],
  ['=1',               'ok',     'number',  '3',      "m: unknown parameter '=1' ignored"],
  ['number="1"',       'ok',     'number',  '1'     ],
  ['"number=1"',       'ok',     'number',  '1'     ],
  ['text="a b"',       'ok',     'text',    'a b'   ],
  ['text=a"b',         'ok',     'text',    'a"b'   ],
  ['text="a"b',        'ok',     'text',    'a"b'   ],
  ['number= 1',        'EINVAL', 'number',  'ENOENT', "m: unknown parameter '1' ignored"],
  ['number=x flag=2',  'EINVAL', 'number',  'ENOENT', "m: `2' invalid for parameter `flag'"],
  ['flag=2 number=2147483648', 'ERANGE', 'number', 'ENOENT', "m: `2' invalid for parameter `flag'"],
  ['number=1 -- number=x', 'ok', 'number',  '1'     ],
  ['dyndbg=x',         'ok',     'number',  '3',      'dynamic_debug:ddebug_exec_query: flags parse failed'],
  ['async_probe',      'ok',     'number',  '3'     ],
])('insmod m %s', (word, answer, parameter, shown, line) => {
  const machine = machineWithAll();
  machine.dmesg();
  expect(machine.insmod('m', word)).toBe(answer);
  expect(machine.cat(`${PARAMETERS}/${parameter}`)).toBe(shown);
  if (line) expect(machine.dmesg().join('\n')).toContain(line);
});

// biome-ignore format: the columns are the point
test.each<[parameter: string, written: string, answer: string, shown: string]>([
  ['number',  '5',       'ok',     '5'    ],
  ['number',  'five',    'EINVAL', '3'    ],
  ['number',  '4294967296', 'ERANGE', '3' ],
  ['numbers', '1,2,3',   'ok',     '1,2,3'],
  ['numbers', '1,2,3,4', 'EINVAL', '1,2,3'],
  ['numbers', '4,5,x',   'EINVAL', '4,5'  ],
  ['numbers', '4,4294967296', 'ERANGE', '4'],
  ['numbers', '4,',      'EINVAL', '4'    ],
  ['numbers', 'x,1',     'EINVAL', ''     ],
  ['flags',   '1',       'ok',     'Y'    ],
  ['flags',   '1,x',     'EINVAL', 'Y'    ],
  ['texts',   'a,b',     'ok',     'a,b\n'],
  ['texts',   'a,b,c',   'EINVAL', 'a,b'  ],
  ['words',   'some',    'ok',     'some\n'],
  ['text',    'x',       'EACCES', ''     ],
  ['flag',    'y',       'ok',     'Y'    ],
])('echo %s < %s', (parameter, written, answer, shown) => {
  const machine = machineWithAll();
  machine.insmod('m');
  expect(machine.echo(written, `${PARAMETERS}/${parameter}`)).toBe(answer);
  expect(machine.cat(`${PARAMETERS}/${parameter}`)).toBe(shown);
});

test('an array without elements shows nothing at all', () => {
  const machine = machineWithAll();
  machine.insmod('m');
  expect(machine.finish(machine.open(`${PARAMETERS}/texts`, 0).read(0, 100))).toHaveLength(0);
  expect(machine.ls(PARAMETERS).sort()).toEqual([
    'flag',
    'flags',
    'number',
    'numbers',
    'text',
    'texts',
    'words',
  ]);
});

test('a module with init() and without exit() stays for ever', () => {
  const machine = new Machine({ modules: [aModule({ name: 'm', init: () => {} })] });
  machine.insmod('m');
  expect([machine.rmmod('m'), machine.cat('sys/module/m/initstate')]).toEqual(['EBUSY', 'live']);
});

test('a module without either can be removed', () => {
  const machine = new Machine({ modules: [aModule({ name: 'm' })] });
  machine.insmod('m');
  expect(machine.rmmod('m')).toBe('ok');
});

test('an init() that sleeps is seen coming, holds a reference, and may refuse in the end', () => {
  const machine = new Machine({
    modules: [
      aModule({
        name: 'm',
        *init(kernel) {
          yield* sleepFor(kernel, 'uninterruptible', 1e9);
          throw new KernelError('ENOMEM', 'no memory');
        },
      }),
    ],
  });
  const insmod = machine.startWrite('m', 'control/insmod');
  expect(insmod.answer).toBe('pending');
  expect([machine.cat('sys/module/m/initstate'), machine.cat('sys/module/m/refcnt')]).toEqual([
    'coming',
    '1',
  ]);
  expect(machine.rmmod('m')).toBe('EBUSY');
  machine.advance(1000);
  expect([insmod.answer, machine.ls('sys/module')]).toEqual(['ENOMEM', []]);
});
