/**
 * What tasks cost, in a process of its own: node --expose-gc taskCosts TASKS
 *
 * Boots a machine whose tasks sleep in a thousand different places, and prints as JSON what memory
 * each takes, and the cpu time of a transition, and of the pass that switches them all.
 */
import { bootKernel } from '../../src/engine/boot.ts';
import type { KernelEvent } from '../../src/engine/events.ts';
import { writeEnabled } from '../../src/engine/livepatch/core.ts';
import {
  initTransition,
  startTransition,
  tryCompleteTransition,
} from '../../src/engine/livepatch/transition.ts';
import { loadModule } from '../../src/engine/module/loader.ts';
import type { Context } from '../../src/engine/sched/context.ts';
import type { Step } from '../../src/engine/sched/program.ts';
import { startRequest } from '../../src/engine/sched/request.ts';
import { hasWork, runMachine } from '../../src/engine/sched/run.ts';
import type { TaskDefinition } from '../../src/engine/sched/start.ts';
import { livepatchSample } from '../../src/modules/livepatchSample.ts';

export interface TaskCosts {
  readonly bytesPerTask: number;
  readonly bootMs: number;
  readonly transitionMs: number;
  readonly passMs: number;
}

const PLACES = 1000;
const ROUNDS = 9;

function memoryBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function boot(count: number) {
  const programs = Array.from({ length: PLACES }, (_, place): Step[] => [
    {
      kind: 'sleep',
      functions: ['schedule', `place_${place}`],
      state: 'interruptible',
      durationNs: undefined,
    },
  ]);
  const tasks = Array.from(
    { length: count },
    (_, index): TaskDefinition => ({
      comm: 'sleeper',
      pid: undefined,
      kthread: false,
      cpu: undefined,
      program: programs[index % PLACES] ?? [],
      threads: [],
    }),
  );
  const places = programs.map((_, place) => ({ name: `place_${place}` }));
  const kernel = bootKernel({
    config: { release: '4.15', version: '4.15.0', cmdline: '', reliableStacktrace: true },
    cpus: 1,
    seed: 1,
    bootTimeMs: 0,
    functions: [{ name: 'schedule' }, ...places],
    modules: livepatchSample,
    tasks,
    interrupts: [],
  });
  runMachine(kernel, 0, () => false);
  return kernel;
}

function measure(count: number): TaskCosts {
  const emptyBytes = memoryBytes();
  const startMs = cpuMs();
  const kernel = boot(count);
  const bootMs = cpuMs() - startMs;
  const bytesPerTask = (memoryBytes() - emptyBytes) / count;

  const finish = (context: Context) => {
    let finished = false;
    startRequest(kernel, context, () => {
      finished = true;
    });
    while (!finished && hasWork(kernel)) runMachine(kernel, kernel.clock.nowNs, () => false);
  };
  const at = new Map<KernelEvent['type'], number>();
  kernel.listeners.push(({ type }) => at.set(type, cpuMs()));
  finish(loadModule(kernel, 'livepatch-sample', []));
  const [patch] = kernel.livepatch.patches;
  if (!patch) throw new Error('the patch is gone');

  const rounds = Array.from({ length: ROUNDS }, () => {
    patch.enabled = false;
    finish(initTransition(kernel, patch, 'unpatched'));
    finish(startTransition(kernel));
    const beforePass = cpuMs();
    finish(tryCompleteTransition(kernel));
    const passMs = (at.get('transition-completing') ?? Number.NaN) - beforePass;

    const before = cpuMs();
    finish(writeEnabled(kernel, patch, true));
    return { transitionMs: cpuMs() - before, passMs };
  });
  const median = (values: readonly number[]) =>
    values.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN;
  return {
    bytesPerTask,
    bootMs,
    transitionMs: median(rounds.map(({ transitionMs }) => transitionMs)),
    passMs: median(rounds.map(({ passMs }) => passMs)),
  };
}

process.stdout.write(JSON.stringify(measure(Number(process.argv[2]))));
