/**
 * What tasks cost, in a process of its own: node --expose-gc taskCosts TASKS
 *
 * Boots a machine whose tasks sleep in a thousand different places, and prints as JSON what memory
 * each takes, and the cpu time of the boot, of a transition, and of the pass that switches them all.
 */
import { prepareMachine } from '../../src/daemon/prepareMachine.ts';
import { bootKernel } from '../../src/engine/boot.ts';
import type { KernelEvent } from '../../src/engine/events.ts';
import type { Kernel } from '../../src/engine/kernel.ts';
import { writeEnabled } from '../../src/engine/livepatch/core.ts';
import {
  initTransition,
  startTransition,
  tryCompleteTransition,
} from '../../src/engine/livepatch/transition.ts';
import { loadModule } from '../../src/engine/module/loader.ts';
import type { Context } from '../../src/engine/sched/context.ts';
import { startRequest } from '../../src/engine/sched/request.ts';
import { hasWork, runMachine } from '../../src/engine/sched/run.ts';
import { toBootOptions } from '../../src/machine/bootOptions.ts';
import { draftMachine } from '../../src/machine/parse.ts';
import { crowd } from './machine.ts';
import { median } from './measured.ts';

export interface TaskCosts {
  readonly bytesPerTask: number;
  /** Of cpu time, from the text of its description until nothing is left to do at the time of its boot. */
  readonly bootMs: number;
  readonly transitionMs: number;
  readonly passMs: number;
}

const ROUNDS = 9;
/** So many tasks that all of their places are there. */
const FEW = 1000;

function memoryBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function boot(count: number): Promise<Kernel> {
  const draft = draftMachine(crowd(count), 'bench', {});
  const { description, modules } = await prepareMachine(draft, { baseDirectory: '.' });
  const kernel = bootKernel(toBootOptions(description, modules, Date.now()));
  runMachine(kernel, 0, () => false);
  return kernel;
}

async function machineBytes(count: number): Promise<number> {
  const beforeBytes = memoryBytes();
  const kernel = await boot(count);
  const bytes = memoryBytes() - beforeBytes;
  if (kernel.tasks.length <= count) throw new Error('tasks are missing');
  return bytes;
}

async function measure(count: number): Promise<TaskCosts> {
  const startMs = cpuMs();
  const kernel = await boot(count);
  const bootMs = cpuMs() - startMs;
  const fewBytes = await machineBytes(FEW);
  const bytesPerTask = ((await machineBytes(count)) - fewBytes) / (count - FEW);

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
  return {
    bytesPerTask,
    bootMs,
    transitionMs: median(rounds.map(({ transitionMs }) => transitionMs)),
    passMs: median(rounds.map(({ passMs }) => passMs)),
  };
}

process.stdout.write(JSON.stringify(await measure(Number(process.argv[2]))));
