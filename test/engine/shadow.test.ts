/**
 * Shadow variables, as patches of both APIs use them: up to 4.17 with data, from 4.18 on with
 * constructors and destructors.
 *
 * Source: kernel/livepatch/shadow.c.
 */
import { expect, test } from 'vitest';
import {
  type ShadowConstructor,
  type ShadowDestructor,
  shadowAlloc,
  shadowFree,
  shadowFreeAll,
  shadowGet,
  shadowGetOrAlloc,
} from '../../src/engine/livepatch/shadow.ts';
import { Machine } from '../support/machine.ts';

const key = { object: {}, id: 0x1234 };
const other = { object: {}, id: 0x1234 };

test.each(['4.15', '6.1'] as const)(
  'on %s there is one variable for an object and an id',
  (release) => {
    const { kernel } = new Machine({ release });
    expect(shadowGet(kernel, key)).toBeUndefined();
    const data = shadowAlloc(kernel, key, { data: 'first' });
    expect([data, shadowGet(kernel, key)]).toEqual([{ value: 'first' }, data]);
    expect(shadowGet(kernel, other)).toBeUndefined();
    expect(shadowGet(kernel, { ...key, id: 1 })).toBeUndefined();
  },
);

test('NULL has variables too, and a name is the same object whoever writes it', () => {
  const { kernel } = new Machine();
  shadowAlloc(kernel, { object: undefined, id: 1 }, { data: 'of NULL' });
  shadowAlloc(kernel, { object: 'nginx', id: 1 }, { data: 'of nginx' });
  expect(shadowGet(kernel, { object: undefined, id: 1 })?.value).toBe('of NULL');
  expect(shadowGet(kernel, { object: ['ng', 'inx'].join(''), id: 1 })?.value).toBe('of nginx');
});

// biome-ignore format: the columns are the point
test.each<['4.15' | '6.1', object | undefined, line: RegExp]>([
  ['4.15', key.object, /^Duplicate shadow variable <0{8}[0-9a-f]{8}, 1234>$/],
  ['4.15', undefined,  /^Duplicate shadow variable < {10}\(null\), 1234>$/],
  ['6.1',  undefined,  /^Duplicate shadow variable <0{16}, 1234>$/],
])('on %s a second alloc of %o warns, and leaves the first', (release, object, line) => {
  const machine = new Machine({ release });
  const { kernel } = machine;
  shadowAlloc(kernel, { object, id: 0x1234 }, { data: 1 });
  machine.dmesg();
  expect(shadowAlloc(kernel, { object, id: 0x1234 }, { data: 2 })).toBeUndefined();
  expect(shadowGet(kernel, { object, id: 0x1234 })?.value).toBe(1);
  expect(machine.dmesg()).toEqual([expect.stringMatching(line)]);
  expect(kernel.log.records.at(-1)?.priority).toBe(4);
});

test('an object has the same address in every line, and another one has another', () => {
  const machine = new Machine();
  const warned = (warnedFor: typeof key) => {
    machine.dmesg();
    shadowAlloc(machine.kernel, warnedFor, { data: 1 });
    shadowAlloc(machine.kernel, warnedFor, { data: 1 });
    return machine.dmesg().at(-1);
  };
  const first = warned(key);
  expect([warned(key), warned(other) === first]).toEqual([first, false]);
});

test('get_or_alloc leaves what there is, and is silent', () => {
  const machine = new Machine();
  const { kernel } = machine;
  machine.dmesg();
  const data = shadowGetOrAlloc(kernel, key, { data: 1 });
  expect(shadowGetOrAlloc(kernel, key, { data: 2 })).toBe(data);
  expect(data?.value).toBe(1);
  expect(machine.dmesg()).toEqual([]);
});

test('free takes one, free_all those of all objects; freeing what is not there is silent', () => {
  const machine = new Machine();
  const { kernel } = machine;
  const left = { object: key.object, id: 7 };
  for (const each of [key, other, left]) shadowAlloc(kernel, each, { data: 1 });
  machine.dmesg();
  shadowFree(kernel, key);
  shadowFree(kernel, key);
  expect([key, other, left].map((each) => shadowGet(kernel, each)?.value)).toEqual([
    undefined,
    1,
    1,
  ]);
  shadowAlloc(kernel, key, { data: 2 });
  shadowFreeAll(kernel, 0x1234);
  shadowFreeAll(kernel, 0x4321);
  expect([key, other, left].map((each) => shadowGet(kernel, each)?.value)).toEqual([
    undefined,
    undefined,
    1,
  ]);
  expect(machine.dmesg()).toEqual([]);
});

test('a constructor makes a new variable, and a destructor sees it when it goes', () => {
  const { kernel } = new Machine({ release: '6.1' });
  const seen: unknown[] = [];
  const ctor: ShadowConstructor = (object, data, ctorData) => {
    seen.push(['ctor', object === key.object, data.value]);
    data.value = ctorData;
    return 0;
  };
  const dtor: ShadowDestructor = (object, { value }) =>
    seen.push(['dtor', object === key.object, value]);
  shadowGetOrAlloc(kernel, key, { ctor, ctorData: 'made' });
  shadowGetOrAlloc(kernel, key, { ctor, ctorData: 'never' });
  shadowFree(kernel, key, dtor);
  shadowFree(kernel, key, dtor);
  shadowAlloc(kernel, key, { ctor: undefined, ctorData: 1 });
  shadowFreeAll(kernel, key.id, dtor);
  expect(seen).toEqual([
    ['ctor', true, 0],
    ['dtor', true, 'made'],
    ['dtor', true, 0],
  ]);
});

test('a constructor that fails leaves no variable, and a line', () => {
  const machine = new Machine({ release: '6.1' });
  machine.dmesg();
  expect(shadowAlloc(machine.kernel, key, { ctor: () => -12, ctorData: 0 })).toBeUndefined();
  expect(shadowGet(machine.kernel, key)).toBeUndefined();
  expect(machine.dmesg()).toEqual([
    expect.stringMatching(
      /^livepatch: Failed to construct shadow variable <0{8}\w{8}, 1234> \(-12\)$/,
    ),
  ]);
});

test('before 4.18 nobody has constructors or destructors', () => {
  const { kernel } = new Machine({ release: '4.15' });
  expect(() => shadowAlloc(kernel, key, { ctor: () => 0, ctorData: 0 })).toThrow('from 4.18 on');
  expect(() => shadowFree(kernel, key, () => {})).toThrow('from 4.18 on');
});
