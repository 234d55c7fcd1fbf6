/**
 * The consistency model: who switches when, what holds a transition up, how it turns around.
 *
 * Source: kernel/livepatch/transition.c of 4.15, where nothing else is said.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import { HZ, NS_PER_MS, NS_PER_SECOND, roundJiffiesRelativeNs } from '../../src/engine/clock.ts';
import { type FunctionDefinition, lookupName } from '../../src/engine/kallsyms.ts';
import { funcsOn } from '../../src/engine/livepatch/model.ts';
import { runKthread } from '../../src/engine/sched/kthread.ts';
import { listByPid } from '../../src/engine/sched/pass.ts';
import type { Step as ProgramStep } from '../../src/engine/sched/program.ts';
import { startTask } from '../../src/engine/sched/start.ts';
import { patchStateOf } from '../../src/engine/sched/task.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch, cmdlinePatch } from '../support/modules.ts';
import { aTask, sleeperIn } from '../support/tasks.ts';

const patchOf = (name: string, ...oldNames: string[]) =>
  aModule({
    name,
    patch: aPatch([
      anObject({
        funcs: oldNames.map((oldName) => {
          const func = aFunc(oldName, `${name}\n`);
          return { ...func, newFunction: { ...func.newFunction, name: `${name}_${oldName}` } };
        }),
      }),
    ]),
  });

function machineWith(options: ConstructorParameters<typeof Machine>[0] = {}): Machine {
  return new Machine({
    functions: [{ name: 'f' }, { name: 'g' }, { name: 'elsewhere' }],
    modules: [patchOf('p', 'f'), patchOf('q', 'f'), patchOf('r', 'f', 'g')],
    ...options,
  });
}

const stateOf = (machine: Machine, pid: number) => machine.cat(`proc/${pid}/patch_state`);

test('with one cpu an idle machine completes inside the write', () => {
  const machine = machineWith({ cpus: 1 });
  machine.insmod('p');
  expect(machine.cat('p/transition')).toBe('0');
});

test.each(['4.15', '6.1'] as const)(
  'with two cpus the other idle task counts as running, so %s needs a second pass',
  (release) => {
    const machine = machineWith({ cpus: 2, release });
    machine.enableDebugLines();
    machine.insmod('p');
    expect(machine.cat('p/transition')).toBe('1');
    expect(machine.dmesg()).toContain('livepatch: klp_try_switch_task: swapper/1:0 is running');

    machine.advance(700);
    expect(machine.cat('p/transition')).toBe('1');
    machine.advance(2100);
    expect(machine.cat('p/transition')).toBe('0');
  },
);

test('a task that sleeps in the old function holds the transition up until it has left', () => {
  const machine = machineWith();
  machine.enableDebugLines();
  sleeperIn(machine, 'elsewhere', 'f');
  machine.dmesg();
  machine.insmod('p');
  expect(machine.cat('p/transition')).toBe('1');
  expect(machine.dmesg().at(-1)).toBe(
    'livepatch: klp_check_stack: sleeper:4242 is sleeping on function f',
  );
  expect(stateOf(machine, 4242)).toBe('0');
  expect(stateOf(machine, 3)).toBe('1');

  machine.advance(60_000);
  expect(machine.cat('p/transition')).toBe('1');

  expect(machine.write('4242', 'control/wake')).toBe('ok');
  expect([stateOf(machine, 4242), machine.cat('p/transition')]).toEqual(['1', '1']);
  machine.advance(2000);
  expect([stateOf(machine, 4242), machine.cat('p/transition')]).toEqual(['-1', '0']);
});

// biome-ignore format: the columns are the point
test.each<[target: string, below: string, sleepsIn: string, held: boolean]>([
  // target       below   the sleeper is in   held up?
  ['patching',    'none', 'f',                true ],
  ['patching',    'none', 'elsewhere',        false],
  ['patching',    'p',    'f',                false],
  ['patching',    'p',    'p_f',              true ],
  ['unpatching',  'none', 'f',                false],
  ['unpatching',  'none', 'q_f',              true ],
  ['unpatching',  'p',    'p_f',              false],
  ['unpatching',  'p',    'q_f',              true ],
])('%s q over %s: a sleeper in %s holds it up: %s', (target, below, sleepsIn, held) => {
  const machine = machineWith();
  const enter = () => sleeperIn(machine, sleepsIn === 'elsewhere' ? 'elsewhere' : 'f');
  if (sleepsIn === 'f') enter();
  if (below === 'p') {
    // Nothing can enter p's version with the sleeper still in f, and f does not block q over p.
    machine.insmod('p');
    if (sleepsIn === 'f') machine.kernel.livepatch.transition && forceThrough(machine);
    if (sleepsIn === 'p_f') enter();
  }
  if (target === 'patching' && sleepsIn === 'elsewhere') enter();
  machine.insmod('q');
  if (target === 'unpatching') {
    if (machine.kernel.livepatch.transition) forceThrough(machine);
    if (sleepsIn === 'q_f') enter();
    machine.echo('0', 'q/enabled');
  }
  expect(machine.cat('q/transition')).toBe(held ? '1' : '0');
});

/** Ends a transition over the head of its stragglers, so that they stay in code of long ago. */
function forceThrough(machine: Machine): void {
  const { tasks } = machine.kernel;
  for (const task of listByPid(tasks)) {
    if (tasks.patchPending[task]) {
      tasks.patchPending[task] = 0;
      tasks.patchState[task] = 1;
    }
  }
  machine.advance(2000);
  expect(machine.kernel.livepatch.transition).toBeUndefined();
}

test('a stack of 100 frames is checked, one of 101 is unreliable', () => {
  for (const [depth, transition] of [
    [100, '0'],
    [101, '1'],
  ] as const) {
    const machine = machineWith();
    sleeperIn(machine, ...Array<string>(depth).fill('elsewhere'));
    machine.insmod('p');
    expect([depth, machine.cat('p/transition')]).toEqual([depth, transition]);
  }
});

test('reversal: tasks that have switched switch back, and the pending retry completes it', () => {
  const machine = machineWith();
  machine.enableDebugLines();
  sleeperIn(machine, 'f');
  machine.insmod('p');
  machine.dmesg();

  expect(machine.echo('0', 'p/enabled')).toBe('ok');
  expect([machine.cat('p/enabled'), machine.cat('p/transition')]).toEqual(['0', '1']);
  expect([stateOf(machine, 4242), stateOf(machine, 3)]).toEqual(['0', '1']);
  machine.advance(2000);
  expect([machine.cat('p/enabled'), machine.cat('p/transition')]).toEqual(['0', '0']);
  expect(machine.dmesg()).toEqual([
    "livepatch: 'p': reversing transition from patching to unpatching",
    "livepatch: 'p': starting unpatching transition",
    "livepatch: 'p': completing unpatching transition",
    "livepatch: 'p': unpatching complete",
  ]);
  expect(machine.cat('sys/module/p/refcnt')).toBe('0');
});

test('many reversals leave one retry and the last word', () => {
  const machine = machineWith();
  sleeperIn(machine, 'f');
  machine.insmod('p');
  for (const value of ['0', '1', '0', '1', '0', '1']) {
    expect(machine.echo(value, 'p/enabled')).toBe('ok');
  }
  machine.write('4242', 'control/wake');
  machine.dmesg();
  machine.advance(2000);
  expect(machine.dmesg()).toEqual(["livepatch: 'p': patching complete"]);
  expect([machine.cat('p/enabled'), machine.cat('p/transition')]).toEqual(['1', '0']);
});

test('a task keeps the version that it entered, and gets the one of its state at the next call', () => {
  const machine = machineWith();
  sleeperIn(machine, 'f');
  const callers = ['early', 'late'];
  machine.insmod('p');
  for (const [index, comm] of callers.entries()) {
    const program = [
      { kind: 'sleep', functions: ['f'], state: 'interruptible', durationNs: undefined },
    ] as const;
    startTask(machine.kernel, aTask({ comm, pid: 500 + index, program }));
  }
  machine.advance(0);
  expect(machine.cat('proc/4242/stack')).toContain('f+');
  expect(machine.cat('proc/500/stack')).toContain('p_f+');
});

test('each process follows its own state in a transition, every process the top outside of one', () => {
  const machine = new Machine({
    functions: [{ name: 'held' }],
    modules: [
      aModule({
        name: 'p',
        patch: aPatch([
          anObject({ funcs: [aFunc('cmdline_proc_show', 'new\n'), aFunc('held', '')] }),
        ]),
      }),
    ],
  });
  sleeperIn(machine, 'held');
  expect(machine.cat('proc/cmdline')).toBe('quiet');
  machine.insmod('p');
  expect([machine.cat('p/transition'), machine.cat('proc/cmdline')]).toEqual(['1', 'new']);
  machine.echo('0', 'p/enabled');
  expect([machine.cat('p/transition'), machine.cat('proc/cmdline')]).toEqual(['1', 'quiet']);
});

test('immediate: no task is touched, and the module stays for ever', () => {
  const machine = machineWith({
    modules: [
      aModule({
        name: 'p',
        patch: aPatch([anObject({ funcs: [aFunc('f', '')] })], { immediate: true }),
      }),
    ],
    cpus: 2,
  });
  sleeperIn(machine, 'f');
  machine.insmod('p');
  expect([machine.cat('p/transition'), stateOf(machine, 4242)]).toEqual(['0', '-1']);
  machine.echo('0', 'p/enabled');
  expect(machine.cat('p/enabled')).toBe('0');
  expect([machine.cat('sys/module/p/refcnt'), machine.rmmod('p')]).toEqual(['1', 'EAGAIN']);
});

test.each([
  ['4.15', 'ENOSYS', ['livepatch: This architecture does']],
  ['6.1', 'ok', ['livepatch: This architecture does', 'livepatch: The livepatch transition may']],
] as const)('without reliable stack traces %s answers %s', (release, answer, lines) => {
  const machine = machineWith({ release, reliableStacktrace: false });
  expect(machine.insmod('p')).toBe(answer);
  const logged = machine.dmesg();
  for (const line of lines) expect(logged.some((text) => text.startsWith(line))).toBe(true);
  machine.advance(20_000);
  expect(machine.cat('p/transition')).toBe(release === '4.15' ? 'ENOENT' : '1');
});

// biome-ignore format: the columns are the point
test.each<[nowMs: number, cpu: number, delayMs: number]>([
  // Second boundaries of jiffies lie 46 jiffies (184 ms) before those of the uptime.
  [    0, 0,  816], // 184 ms past a boundary: down
  [   60, 0,  756], // 244 ms past
  [   64, 0,  752], // 248 ms past: still down
  [   68, 0, 1748], // 252 ms past: up
  [  500, 0, 1316],
  [  816, 0, 1000], // on a boundary
  [    0, 1,  804], // three jiffies of skew
  [   56, 1, 1748],
])('at %i ms on cpu %i the retry comes after %i ms', (nowMs, cpu, delayMs) => {
  const clock = { nowNs: nowMs * NS_PER_MS, bootTimeMs: 0 };
  expect(roundJiffiesRelativeNs(clock, HZ, cpu)).toBe(delayMs * NS_PER_MS);
});

test('a pass over many tasks is cut in slices between which others are served', () => {
  const machine = machineWith();
  const program = [
    { kind: 'sleep', functions: ['elsewhere'], state: 'interruptible', durationNs: undefined },
  ] as const;
  for (let pid = 100_000; pid < 150_000; pid += 1) {
    startTask(machine.kernel, aTask({ pid, program }));
  }
  machine.advance(0);
  const states = new Set<string>();
  let served = 0;
  const loading = machine.startWriteStepwise('p', 'control/insmod', () => {
    served += 1;
    states.add(machine.cat('proc/149999/patch_state'));
  });
  expect(loading).toBe('ok');
  expect(served).toBeGreaterThan(50);
  expect([...states].sort()).toEqual(['-1', '0', '1']);
  expect(machine.cat('p/transition')).toBe('0');
});

test('force: the tasks at once, the transition at the next pass', () => {
  const machine = machineWith({ release: '6.1' });
  sleeperIn(machine, 'f');
  machine.insmod('p');
  machine.dmesg();
  expect(machine.echo('0', 'p/force')).toBe('ok');
  expect(stateOf(machine, 4242)).toBe('0');
  expect(machine.echo('1', 'p/force')).toBe('ok');
  expect([stateOf(machine, 4242), machine.cat('p/transition')]).toEqual(['1', '1']);
  machine.advance(2000);
  expect(machine.cat('p/transition')).toBe('0');
  expect(machine.dmesg()).toEqual([
    'livepatch: forcing remaining tasks to the patched state',
    "livepatch: 'p': patching complete",
  ]);
  expect([
    machine.echo('0', 'p/force'),
    machine.echo('1', 'p/force'),
    machine.echo('x', 'p/force'),
  ]).toEqual(['ok', 'EINVAL', 'EINVAL']);
});

test('force while unpatching: the directory goes, the module stays for ever', () => {
  const machine = machineWith({ release: '6.1' });
  machine.insmod('p');
  sleeperIn(machine, 'f');
  machine.echo('0', 'p/enabled');
  machine.echo('1', 'p/force');
  machine.advance(2000);
  expect([machine.ls(''), machine.cat('sys/module/p/refcnt'), machine.rmmod('p')]).toEqual([
    [],
    '1',
    'EAGAIN',
  ]);
});

test.each([
  ['4.15', 0],
  ['6.1', 1],
] as const)('after a pass of %s the idle task of an idle cpu is in state %i', (release, state) => {
  const machine = machineWith({ release, cpus: 2 });
  machine.insmod('p');
  const idle = machine.kernel.cpus[1]?.idle ?? -1;
  expect(patchStateOf(machine.kernel.tasks, idle)).toBe(state);
});

test('a process that never leaves its cpu switches at the next interrupt', () => {
  const machine = machineWith({ cpus: 2 });
  const program = [{ kind: 'compute', durationNs: 3600e9 }] as const;
  startTask(machine.kernel, aTask({ pid: 600, cpu: 1, program }));
  machine.advance(1);
  machine.insmod('p');
  expect(stateOf(machine, 600)).toBe('0');
  machine.advance(4);
  expect(stateOf(machine, 600)).toBe('1');
  machine.advance(2000);
  expect(machine.cat('p/transition')).toBe('0');
});

test('two processes that never sleep share a cpu, a tick each', () => {
  const machine = machineWith({ cpus: 1 });
  const program = [{ kind: 'compute', durationNs: 10e6 }, { kind: 'exit' }] as const;
  startTask(machine.kernel, aTask({ pid: 600, program }));
  startTask(machine.kernel, aTask({ pid: 601, program }));
  const alive = () => ['600', '601'].filter((pid) => machine.find(`proc/${pid}`));
  machine.advance(17);
  expect(alive()).toEqual(['600', '601']);
  machine.advance(2);
  expect(alive()).toHaveLength(1);
  machine.advance(2);
  expect(alive()).toEqual([]);
});

type Step = { echo: string } | { enter: boolean } | { advanceMs: number };
const step = fc.oneof(
  fc.constantFrom('0', '1').map((echo): Step => ({ echo })),
  fc.boolean().map((enter): Step => ({ enter })),
  fc.nat(3000).map((advanceMs): Step => ({ advanceMs })),
);

/** What holds whatever came before. */
function checkInvariants(machine: Machine): void {
  const { tasks, livepatch } = machine.kernel;
  const states = [...listByPid(tasks)].map((task) => patchStateOf(tasks, task));
  if (livepatch.transition) {
    expect(states.every((state) => state === 0 || state === 1)).toBe(true);
  } else {
    expect(states.every((state) => state === -1)).toBe(true);
    expect(tasks.patchPending.every((pending) => pending === 0)).toBe(true);
    for (const stack of livepatch.funcStacks.values()) {
      expect([...funcsOn(stack)].every((func) => func.patched && !func.transition)).toBe(true);
    }
  }
}

test('no sequence of writes, sleeps and time strands a task or loses a reference', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.constantFrom(1, 2), (steps, cpus) => {
      const machine = machineWith({ cpus });
      machine.insmod('p');
      for (const taken of steps) {
        if ('echo' in taken) machine.echo(taken.echo, 'p/enabled');
        else if ('advanceMs' in taken) machine.advance(taken.advanceMs);
        else if (!taken.enter) machine.write('4242', 'control/wake');
        else if (machine.find('proc/4242') === undefined) sleeperIn(machine, 'f');
        checkInvariants(machine);
      }
      machine.write('4242', 'control/wake');
      machine.write('4242', 'control/wake');
      machine.advance(6000);
      checkInvariants(machine);
      expect(machine.cat('p/transition')).toBe('0');
      if (machine.cat('p/enabled') === '1') expect(machine.echo('0', 'p/enabled')).toBe('ok');
      machine.advance(6000);
      expect(machine.rmmod('p')).toBe('ok');
      expect(machine.kernel.ftrace.registered.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});

// biome-ignore format: the columns are the point
test.each<[Release, busyIn: string, transition: string]>([
  // Up to 6.3 a kthread that never sleeps is always running when a pass comes by.
  ['4.15', 'elsewhere', '1'],
  ['6.1',  'elsewhere', '1'],
  ['6.12', 'elsewhere', '0'],
  ['6.12', 'patched',   '1'],
])('on %s a kthread that is busy in %s leaves transition at %s', (release, busyIn, transition) => {
  const busy = (name: string): FunctionDefinition => ({
    name,
    *body() {
      for (;;) yield { kind: 'compute', durationNs: NS_PER_MS };
    },
  });
  const functions = [busy('elsewhere'), busy('patched')];
  const modules = [patchOf('p', 'patched')];
  const machine = new Machine({ release, cpus: 2, functions, modules });
  const code = lookupName(machine.kernel.kallsyms, busyIn);
  if (!code) throw new Error(`there is no ${busyIn}`);
  runKthread(machine.kernel, 'busy', code);
  machine.advance(10);
  machine.insmod('p');
  machine.advance(5000);
  expect(machine.cat('p/transition')).toBe(transition);
});

// biome-ignore format: the columns are the point
test.each<[Release, step: ProgramStep['kind'], transition: string]>([
  // The idle task of the other cpu, or who computes there, holds the first pass up.
  ['4.15', 'sleep',   '1'],
  ['6.1',  'sleep',   '1'],
  ['6.12', 'sleep',   '0'],
  ['6.1',  'compute', '1'],
  ['6.12', 'compute', '0'],
])('on %s, while others %s, insmod leaves transition at %s', (release, kind, transition) => {
  const step: ProgramStep =
    kind === 'compute'
      ? { kind, durationNs: 10 * NS_PER_SECOND }
      : { kind: 'sleep', functions: [], state: 'interruptible', durationNs: undefined };
  const tasks = [aTask({ cpu: 1, program: [step] })];
  const machine = new Machine({ release, cpus: 2, tasks, modules: [cmdlinePatch('p')] });
  machine.insmod('p');
  expect(machine.cat('p/transition')).toBe(transition);
});
