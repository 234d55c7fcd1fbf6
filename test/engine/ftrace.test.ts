/**
 * The ftrace layer: who is told of a call, and which code runs.
 *
 * Source: kernel/trace/ftrace.c.
 */
import { expect, test } from 'vitest';
import { RELEASES } from '../../src/abi/release.ts';
import { callFunction } from '../../src/engine/call.ts';
import {
  addToFilter,
  createOps,
  type FtraceOps,
  registerFtraceFunction,
  setFilter,
  setFtraceEnabled,
  unregisterFtraceFunction,
} from '../../src/engine/ftrace/ftrace.ts';
import { type Code, lookupName } from '../../src/engine/kallsyms.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch, cmdlinePatch } from '../support/modules.ts';

const FUNCTIONS = [
  { name: 'do_syscall_64' },
  { name: 'f' },
  { name: 'g' },
  { name: 'h' },
  { name: 'notrace', traceable: false },
];

function aMachine(modules: ConstructorParameters<typeof Machine>[0] = {}) {
  const machine = new Machine({ functions: FUNCTIONS, ...modules });
  const lines: string[] = [];
  return {
    machine,
    kernel: machine.kernel,
    lines,
    code: (name: string): Code => {
      const code = lookupName(machine.kernel.kallsyms, name);
      if (!code) throw new Error(`no ${name}`);
      return code;
    },
    watcher: (who: string, given: Partial<FtraceOps> = {}) =>
      createOps({
        handlerName: who,
        handler: (_kernel, _task, ip, parentIp) => {
          lines.push(`${who}: ${ip.name} <-${parentIp?.name}`);
          return undefined;
        },
        ...given,
      }),
    call: (name: string) => {
      const code = lookupName(machine.kernel.kallsyms, name);
      if (code) machine.finish(callFunction(machine.kernel, code));
    },
  };
}

function jumper(to: Code, given: Partial<FtraceOps> = {}): FtraceOps {
  return createOps({ handlerName: 'jump', handler: () => to, ipModify: true, ...given });
}

test('a callback is told which function is called, and from where', () => {
  const { machine, kernel, code, lines, watcher } = aMachine({
    functions: [
      ...FUNCTIONS.filter(({ name }) => name !== 'f'),
      { name: 'f', body: ({ kernel }) => callFunction(kernel, g()) },
    ],
  });
  const g = () => code('g');
  const ops = watcher('w');
  addToFilter(ops, code('f'));
  addToFilter(ops, code('g'));
  registerFtraceFunction(kernel, ops);
  machine.finish(callFunction(kernel, code('f')));
  machine.finish(callFunction(kernel, code('h')));
  expect(lines).toEqual(['w: f <-do_syscall_64', 'w: g <-f']);
});

test('several ops at a call site are called, the newest first, until unregistered', () => {
  const { kernel, code, lines, watcher, call } = aMachine();
  const [a, b, c] = [watcher('a'), watcher('b'), watcher('c')] as const;
  for (const ops of [a, c]) addToFilter(ops, code('f'));
  for (const ops of [a, b, c]) registerFtraceFunction(kernel, ops);
  call('f');
  expect(lines.map((line) => line[0])).toEqual(['c', 'b', 'a']);

  lines.length = 0;
  unregisterFtraceFunction(kernel, b);
  setFilter(kernel, a, 'filter', [code('f'), code('g')]);
  call('f');
  call('g');
  expect(lines.map((line) => line.slice(0, 4))).toEqual(['c: f', 'a: f', 'a: g']);

  lines.length = 0;
  unregisterFtraceFunction(kernel, a);
  unregisterFtraceFunction(kernel, c);
  call('f');
  expect([lines, kernel.ftrace.registered.size, code('f').ops]).toEqual([[], 0, []]);
});

test('without a filter an ops sees all functions, but those of notrace and those that ftrace does not know', () => {
  const { kernel, code, lines, watcher, call } = aMachine();
  const ops = watcher('w');
  registerFtraceFunction(kernel, ops);
  setFilter(kernel, ops, 'notrace', [code('g')]);
  for (const name of ['f', 'g', 'notrace']) call(name);
  expect(lines).toEqual(['w: f <-do_syscall_64']);

  setFilter(kernel, ops, 'filter', [code('f'), code('g')]);
  for (const name of ['f', 'g', 'h']) call(name);
  expect(lines).toHaveLength(2);
});

test('what is no call site cannot be filtered for', () => {
  const { code, watcher } = aMachine();
  expect(() => addToFilter(watcher('w'), code('notrace'))).toThrow(
    expect.objectContaining({ code: 'EINVAL' }),
  );
});

test('one ops at a function may modify the instruction pointer, and none at all functions', () => {
  const { kernel, code } = aMachine();
  const first = jumper(code('g'), { filter: new Set([code('f')]) });
  const second = jumper(code('h'), { filter: new Set([code('h'), code('f')]) });
  registerFtraceFunction(kernel, first);
  expect(() => registerFtraceFunction(kernel, second)).toThrow(
    expect.objectContaining({ code: 'EBUSY' }),
  );
  expect(code('h').ops).toEqual([]);
  expect(() => registerFtraceFunction(kernel, jumper(code('g')))).toThrow(
    expect.objectContaining({ code: 'EINVAL' }),
  );
  unregisterFtraceFunction(kernel, first);
  registerFtraceFunction(kernel, second);

  const third = jumper(code('f'), { filter: new Set([code('g')]) });
  registerFtraceFunction(kernel, third);
  for (const [filter, refusal] of [
    [[code('g'), code('h')], 'EBUSY'],
    [[], 'EINVAL'],
  ] as const) {
    expect(() => setFilter(kernel, third, 'filter', filter)).toThrow(
      expect.objectContaining({ code: refusal }),
    );
  }
  expect([...third.filter]).toEqual([code('g')]);
  expect(code('g').ops).toEqual([third]);
  setFilter(kernel, third, 'filter', [code('g')]);
});

test('an ops without IPMODIFY cannot change what runs', () => {
  const { kernel, code, machine } = aMachine({
    functions: [
      { name: 'f', body: () => 1 },
      { name: 'g', body: () => 2 },
    ],
  });
  const ops = jumper(code('g'), { ipModify: false, filter: new Set([code('f')]) });
  registerFtraceFunction(kernel, ops);
  expect(machine.finish(callFunction(kernel, code('f')))).toBe(1);
});

test('a jump leads to the call site of the new function, with the same caller', () => {
  const { kernel, code, lines, watcher, call } = aMachine();
  registerFtraceFunction(kernel, jumper(code('g'), { filter: new Set([code('f')]) }));
  registerFtraceFunction(kernel, watcher('w'));
  call('f');
  expect(lines).toEqual(['w: f <-do_syscall_64', 'w: g <-do_syscall_64']);

  registerFtraceFunction(kernel, jumper(code('f'), { filter: new Set([code('g')]) }));
  call('f');
  expect(lines.length).toBeLessThan(50);
});

test('while ftrace is off no call reaches a handler; a permanent ops holds it on', () => {
  const { kernel, code, lines, watcher, call } = aMachine();
  registerFtraceFunction(kernel, watcher('w', { filter: new Set([code('f')]) }));
  setFtraceEnabled(kernel, 0);
  call('f');
  expect(lines).toEqual([]);
  const permanent = watcher('p', { permanent: true, filter: new Set([code('g')]) });
  expect(() => registerFtraceFunction(kernel, permanent)).toThrow(
    expect.objectContaining({ code: 'EBUSY' }),
  );
  setFtraceEnabled(kernel, 1);
  registerFtraceFunction(kernel, permanent);
  expect(() => setFtraceEnabled(kernel, 0)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
  call('f');
  expect(lines).toEqual(['w: f <-do_syscall_64']);
});

test.each(RELEASES)('%s: a function with an IPMODIFY user cannot be livepatched', (release) => {
  const { machine, kernel, code } = aMachine({ release, modules: [cmdlinePatch('p')] });
  const cmdline = code('cmdline_proc_show');
  const ops = jumper(code('f'), { filter: new Set([cmdline]) });
  registerFtraceFunction(kernel, ops);
  const before = machine.tree();
  expect(machine.insmod('p')).toBe('EBUSY');
  expect(machine.dmesg()).toContain(
    "livepatch: failed to register ftrace handler for function 'cmdline_proc_show' (-16)",
  );
  machine.advance(2000);
  expect(machine.tree()).toEqual(before);
  expect(cmdline.ops).toEqual([ops]);
  unregisterFtraceFunction(kernel, ops);
  expect([machine.insmod('p'), machine.cat('proc/cmdline')]).toEqual(['ok', 'p']);
});

test('two livepatches of each other end somewhere', () => {
  const patching = (name: string, object: string, from: string, to: string) =>
    aModule({
      name,
      patch: aPatch([
        anObject({
          name: object,
          funcs: [aFunc(from, '', { newFunction: { name: to } })],
        }),
      ]),
    });
  const { machine, call } = aMachine({
    modules: [patching('p', 'q', 'two', 'one'), patching('q', 'p', 'one', 'two')],
    release: '6.1',
  });
  expect([machine.insmod('p'), machine.insmod('q')]).toEqual(['ok', 'ok']);
  call('one');
  call('two');
});
