/**
 * Handlers against writers, in every order in which two cpus can do their steps: no handler ever
 * picks a function that was removed, or that its task may not run yet, or any more.
 *
 * Source: commit 842c088464; kernel/livepatch/patch.c:klp_ftrace_handler().
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import type { KernelEvent } from '../../src/engine/events.ts';
import { lookupName } from '../../src/engine/kallsyms.ts';
import type { Kernel } from '../../src/engine/kernel.ts';
import { writeEnabled } from '../../src/engine/livepatch/core.ts';
import { funcsOf, type Patch } from '../../src/engine/livepatch/model.ts';
import { findFuncStack, ftraceHandler } from '../../src/engine/livepatch/patch.ts';
import { stateNumber, updatePatchStateSteps } from '../../src/engine/livepatch/patchState.ts';
import { loadModule } from '../../src/engine/module/loader.ts';
import type { Context } from '../../src/engine/sched/context.ts';
import { cpuOfTask } from '../../src/engine/sched/cpu.ts';
import { startRequest } from '../../src/engine/sched/request.ts';
import { startTasks } from '../../src/engine/sched/start.ts';
import { type Steps, stepByStep } from '../../src/engine/sched/steps.ts';
import {
  type Synchronize,
  synchronizeEveryCpu,
  synchronizeRcu,
} from '../../src/engine/sched/synchronize.ts';
import {
  findTask,
  isPatchPending,
  PATCHED,
  patchStateOf,
  type Task,
  UNPATCHED,
} from '../../src/engine/sched/task.ts';
import { explore, versionName, type World } from '../support/explore.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { aTask, sleeperIn } from '../support/tasks.ts';

const READER = 500;
/** So that it is still there at the end. */
const SLEEP = {
  kind: 'sleep',
  functions: [],
  state: 'interruptible',
  durationNs: undefined,
} as const;

const patch = (name: string) => {
  const func = aFunc('f', '');
  const newFunction = { ...func.newFunction, name: `${name}_f` };
  return aModule({ name, patch: aPatch([anObject({ funcs: [{ ...func, newFunction }] })]) });
};

/** Undoes all others: it has a nop for f. */
const replacing = aModule({ name: 'r', patch: aPatch([anObject()], { replace: true }) });

/** Where no handler runs any more, nobody may be left behind without having been told. */
function judgeEnd({ tasks, livepatch }: Kernel): string | undefined {
  const task = findTask(tasks, READER);
  if (!livepatch.transition || task === undefined) return undefined;
  const isThere = patchStateOf(tasks, task) === stateNumber(livepatch.transition.target);
  if (isThere || isPatchPending(tasks, task)) return undefined;
  return 'the reader is neither where the transition goes nor told to go there';
}

interface Setting {
  /** Modules that were loaded before, and those of them that were disabled again. */
  readonly loaded: readonly string[];
  readonly disabled?: readonly string[];
  readonly release?: Release;
  /** The value that is written while the reader reads; or the module is loaded then. */
  readonly write: '0' | '1' | 'load';
  readonly to: string;
  /** Somebody sleeps in f, so that the transition goes on. */
  readonly held?: true;
  readonly rcuWatching: boolean;
  readonly synchronize: Synchronize;
}

/** Comes back from user space, and calls f: twice. */
function* reader(world: World, rcuWatching: boolean): Context {
  const { kernel, history } = world;
  const task = kernel.current;
  for (let call = 0; call < 2; call += 1) {
    if (isPatchPending(kernel.tasks, task)) {
      yield* told(history, 'reader', updatePatchStateSteps(kernel, task));
    }
    const cpu = cpuOfTask(kernel, task);
    cpu.rcuWatching = rcuWatching;
    yield* callF(world, task);
    cpu.rcuWatching = true;
    yield { kind: 'step', done: 'back' };
  }
}

function* callF(world: World, task: Task): Context {
  const { kernel, history } = world;
  const f = lookupName(kernel.kallsyms, 'f');
  const stack = f && findFuncStack(kernel, f);
  if (!f || !stack || !f.ops.includes(stack.ops)) {
    history.push('reader: calls f, which nobody traces');
    return;
  }
  const picked = yield* told(history, 'reader', ftraceHandler(kernel, task, stack));
  history.push(`reader: runs ${picked?.name ?? 'f'}`);
  world.violation ??= judge(kernel, task, picked?.name);
}

function* told<T>(history: string[], who: string, steps: Steps<T>): Context<T> {
  const context = stepByStep(steps);
  for (;;) {
    const step = context.next('woken');
    if (step.done) return step.value;
    if (step.value.kind === 'step') history.push(`${who}: ${step.value.done}`);
    yield step.value;
  }
}

/** What is wrong with the choice of a version, at the moment at which it is made. */
function judge(kernel: Kernel, task: Task, picked: string | undefined): string | undefined {
  const state = patchStateOf(kernel.tasks, task);
  for (const func of kernel.livepatch.patches.flatMap((known) => [...funcsOf(known)])) {
    // Of a nop the original is picked.
    const isPicked = func.newFunc?.name === picked;
    if (isPicked && !func.patched && !func.transition) return `${versionName(func)} was removed`;
    if (isPicked && func.transition && state === UNPATCHED)
      return `${versionName(func)} in state 0`;
    const isTop = func.oldFunc && findFuncStack(kernel, func.oldFunc)?.top === func;
    if (!isPicked && isTop && func.transition && func.patched && state === PATCHED) {
      return `${picked ?? 'f'} in state 1`;
    }
  }
  return undefined;
}

function requirePatch({ livepatch }: Kernel, name: string): Patch {
  const found = livepatch.patches.find(({ module }) => module.name === name);
  if (!found) throw new Error(`no patch ${name}`);
  return found;
}

function build(setting: Setting): World {
  const { loaded, disabled = [], write, to, held, rcuWatching, synchronize } = setting;
  const machine = new Machine({
    cpus: 2,
    release: setting.release ?? '4.15',
    functions: [{ name: 'f' }],
    modules: [patch('p'), patch('q'), replacing],
  });
  const { kernel } = machine;
  for (const name of loaded) {
    machine.finish(loadModule(kernel, name, []));
    machine.advance(2000);
  }
  for (const name of disabled) {
    machine.finish(writeEnabled(kernel, requirePatch(kernel, name), false));
    machine.advance(2000);
  }
  if (held) sleeperIn(machine, 'f');
  if (held) machine.finish(loadModule(kernel, to, []));
  kernel.livepatch.synchronize = synchronize;

  const world: World = { kernel, history: [], violation: undefined, atEnd: () => judgeEnd(kernel) };
  const listen = (event: KernelEvent) => {
    if (event.type === 'handler-warning') world.violation ??= `WARN_ON: ${event.what}`;
    if (event.type === 'task-held-up') world.history.push(`writer: ${event.comm} is held up`);
    if (event.type.startsWith('transition')) world.history.push(`writer: ${event.type}`);
  };
  kernel.listeners.push(listen);
  kernel.taskListeners.push(listen);
  startTasks(kernel, [
    aTask({
      comm: 'reader',
      pid: READER,
      cpu: 1,
      program: [{ kind: 'run', body: () => reader(world, rcuWatching) }, SLEEP],
    }),
  ]);
  const task = findTask(kernel.tasks, READER) ?? -1;
  // Walks over all tasks let others do something just before they come to the reader.
  kernel.tasks.sliceRows = task + 1;
  if (held) {
    // It has not been in user space since the transition began.
    kernel.tasks.patchState[task] = UNPATCHED;
    kernel.tasks.patchPending[task] = 1;
  }
  const acting =
    write === 'load'
      ? loadModule(kernel, to, [])
      : writeEnabled(kernel, requirePatch(kernel, to), write === '1');
  startRequest(kernel, acting, (outcome) => {
    if ('error' in outcome) world.violation ??= `the write failed: ${outcome.error}`;
  });
  return world;
}

type Written = Omit<Setting, 'rcuWatching' | 'synchronize'>;

// biome-ignore format: the columns are the point
const WRITES = {
  'disable':                  { loaded: ['p'],                          write: '0', to: 'p' },
  'enable':                   { loaded: ['p'],      disabled: ['p'],    write: '1', to: 'p' },
  'disable the upper of two': { loaded: ['p', 'q'],                     write: '0', to: 'q' },
  'enable above another':     { loaded: ['p', 'q'], disabled: ['q'],    write: '1', to: 'q' },
  'reverse':                  { loaded: [],                             write: '0', to: 'p', held: true },
  'replace':                  { loaded: ['p'], release: '6.1',          write: 'load', to: 'r' },
  'take a replacement back':  { loaded: ['p'], release: '6.1',          write: '0', to: 'r', held: true },
} as const satisfies Record<string, Written>;
type Title = keyof typeof WRITES;

const TITLES = Object.keys(WRITES) as Title[];

test.each(TITLES)(
  '%s: work on every cpu keeps handlers from what is removed or half there',
  (title) => {
    const setting = { ...WRITES[title], rcuWatching: false, synchronize: synchronizeEveryCpu };
    const verdict = explore(() => build(setting));
    expect(verdict.violation).toBeUndefined();
    expect(verdict.states).toBeGreaterThan(500);
  },
  60_000,
);

test.each(['enable', 'reverse'] as const)(
  '%s: synchronize_rcu() is enough where RCU is watching',
  (title) => {
    const setting = { ...WRITES[title], rcuWatching: true, synchronize: synchronizeRcu };
    expect(explore(() => build(setting)).violation).toBeUndefined();
  },
  60_000,
);

test.each<[Title, what: string]>([
  ['enable', 'WARN_ON: in transition without a patch state'],
  ['enable above another', 'WARN_ON: in transition without a patch state'],
  ['disable the upper of two', 'q_f was removed'],
])('%s: synchronize_rcu() overlooks a handler where RCU is not watching', (title, what) => {
  const setting = { ...WRITES[title], rcuWatching: false, synchronize: synchronizeRcu };
  expect(explore(() => build(setting)).violation?.what).toBe(what);
});

/** Nobody waits for anybody. */
function* noWaiting(): Context {}

test.each<[Title, what: string]>([
  ['enable', 'WARN_ON: in transition without a patch state'],
  ['disable the upper of two', 'q_f was removed'],
  ['reverse', 'the reader is neither where the transition goes nor told to go there'],
  [
    'take a replacement back',
    'the reader is neither where the transition goes nor told to go there',
  ],
])('%s: without any waiting the explorer finds what is wrong', (title, what) => {
  const setting = { ...WRITES[title], rcuWatching: true, synchronize: noWaiting };
  expect(explore(() => build(setting)).violation?.what).toBe(what);
});

test('docs/func-stacks.md shows the interleaving that the explorer finds', () => {
  const setting = { ...WRITES['disable the upper of two'], rcuWatching: false };
  const verdict = explore(() => build({ ...setting, synchronize: synchronizeRcu }));
  const shown = /```interleaving\n([^`]*)```/.exec(
    readFileSync('docs/func-stacks.md', 'utf8'),
  )?.[1];
  expect(shown?.trimEnd().split('\n')).toEqual(verdict.violation?.interleaving);
});
