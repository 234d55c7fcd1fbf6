/**
 * What a call costs, in a process of its own: node callCosts
 *
 * Calls one function in every situation that a call site can be in, in turns, and prints as JSON
 * the median nanoseconds of each; and how long it takes to enable a patch of many functions.
 */
import { performance } from 'node:perf_hooks';
import { bootKernel } from '../../src/engine/boot.ts';
import { callFunction } from '../../src/engine/call.ts';
import { setTracer } from '../../src/engine/ftrace/trace.ts';
import {
  type Body,
  type Code,
  type FunctionDefinition,
  lookupName,
} from '../../src/engine/kallsyms.ts';
import type { Kernel } from '../../src/engine/kernel.ts';
import { writeEnabled } from '../../src/engine/livepatch/core.ts';
import { newFunctionsOf } from '../../src/engine/livepatch/create.ts';
import type { PatchDefinition } from '../../src/engine/livepatch/model.ts';
import { loadModule } from '../../src/engine/module/loader.ts';
import type { ModuleDefinition } from '../../src/engine/module/model.ts';
import type { Context } from '../../src/engine/sched/context.ts';
import { startRequest } from '../../src/engine/sched/request.ts';
import { hasWork, runMachine } from '../../src/engine/sched/run.ts';
import { findTask, PATCHED, UNPATCHED } from '../../src/engine/sched/task.ts';
import { median } from './measured.ts';

export interface CallCosts {
  /** Nanoseconds a call, by situation. */
  readonly calls: Readonly<Record<string, number>>;
  readonly enablingMs: number;
}

const FUNCTIONS = 10_000;
const CALLS = 100_000;
const ROUNDS = 15;

const body: Body = () => 1;

function patching(name: string, functions: readonly string[]): ModuleDefinition {
  const patch: PatchDefinition = {
    immediate: false,
    objects: [
      {
        name: undefined,
        callbacks: {},
        funcs: functions.map((oldName) => ({
          oldName,
          newFunction: { name: `livepatch_${oldName}`, body },
          sympos: 0,
          immediate: false,
        })),
      },
    ],
  };
  return {
    name,
    livepatch: true,
    intree: true,
    depends: [],
    parameters: [],
    functions: newFunctionsOf(patch),
    patch,
  };
}

function boot(functions: readonly FunctionDefinition[], modules: readonly ModuleDefinition[]) {
  const kernel = bootKernel({
    config: { release: '4.15', version: '4.15.0', cmdline: '', reliableStacktrace: true },
    cpus: 1,
    seed: 1,
    bootTimeMs: 0,
    functions,
    modules,
    tasks: [],
    interrupts: [],
  });
  runMachine(kernel, 0, () => false);
  return kernel;
}

function finish(kernel: Kernel, context: Context): void {
  let finished = false;
  startRequest(kernel, context, (outcome) => {
    if ('error' in outcome) throw outcome.error;
    finished = true;
  });
  while (!finished && hasWork(kernel)) runMachine(kernel, kernel.clock.nowNs, () => false);
}

/** A machine on which `f` is patched so many times, and a task that calls it. */
function machineWith(patches: number, state: 'outside' | 'unpatched' | 'patched' = 'outside') {
  const modules = Array.from({ length: patches }, (_, index) => patching(`p${index}`, ['f']));
  const kernel = boot([{ name: 'kthread' }, { name: 'f', body }], modules);
  for (const { name } of modules) finish(kernel, loadModule(kernel, name, []));
  const task = findTask(kernel.tasks, 3);
  const code = lookupName(kernel.kallsyms, 'f');
  if (task === undefined || !code) throw new Error('a task and a function');
  kernel.current = task;
  if (state !== 'outside') {
    const top = kernel.livepatch.funcStacks.get(code)?.top;
    if (!top) throw new Error('f is patched');
    top.transition = true;
    kernel.tasks.patchState[task] = state === 'patched' ? PATCHED : UNPATCHED;
  }
  return { kernel, code };
}

type Situation = () => number;

function calling({ kernel, code }: { kernel: Kernel; code: Code }): Situation {
  return () => {
    let sum = 0;
    for (let call = 0; call < CALLS; call += 1) {
      sum += Number(callFunction(kernel, code).next('woken').value);
    }
    return sum;
  };
}

/** In plain JavaScript: the same body, called through a variable. */
function callingPlainly(): Situation {
  const { kernel } = machineWith(0);
  const bodies: Body[] = [body, () => 1];
  return () => {
    let sum = 0;
    for (let call = 0; call < CALLS; call += 1) {
      sum += Number(bodies[call & 1]?.({ kernel, module: undefined, args: [] }));
    }
    return sum;
  };
}

function tracing(machine: ReturnType<typeof machineWith>) {
  setTracer(machine.kernel, 'function');
  return machine;
}

function measureCalls(): Record<string, number> {
  const situations = new Map<string, Situation>([
    ['plain', callingPlainly()],
    ['unpatched', calling(machineWith(0))],
    ['patched', calling(machineWith(1))],
    ['patched, in transition, task unpatched', calling(machineWith(1, 'unpatched'))],
    ['patched, in transition, task patched', calling(machineWith(1, 'patched'))],
    ['patched 10 times', calling(machineWith(10))],
    ['patched 100 times', calling(machineWith(100))],
    ['patched 100 times, in transition, task unpatched', calling(machineWith(100, 'unpatched'))],
    ['unpatched, function tracer on', calling(tracing(machineWith(0)))],
  ]);
  const measured = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, situation] of situations) {
      const before = performance.now();
      if (situation() !== CALLS) throw new Error(`${name} does not do its work`);
      const ns = ((performance.now() - before) * 1e6) / CALLS;
      measured.set(name, [...(measured.get(name) ?? []), ns]);
    }
  }
  return Object.fromEntries([...measured].map(([name, values]) => [name, median(values)]));
}

/** On a machine that was just booted, as somebody enables a patch. */
function measureEnabling(): number {
  const names = Array.from({ length: FUNCTIONS }, (_, index) => `f${index}`);
  const kernel = boot(
    names.map((name) => ({ name })),
    [patching('p', names)],
  );
  finish(kernel, loadModule(kernel, 'p', []));
  const [patch] = kernel.livepatch.patches;
  if (!patch) throw new Error('p is loaded');
  finish(kernel, writeEnabled(kernel, patch, false));
  const before = performance.now();
  finish(kernel, writeEnabled(kernel, patch, true));
  const ms = performance.now() - before;
  if (kernel.ftrace.registered.size !== FUNCTIONS) throw new Error('not all are patched');
  return ms;
}

const costs: CallCosts = {
  enablingMs: median(Array.from({ length: 5 }, measureEnabling)),
  calls: measureCalls(),
};
process.stdout.write(JSON.stringify(costs));
