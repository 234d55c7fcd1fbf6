/**
 * kthread-demo: a kthread that spends nearly all its time inside one function.
 *
 * Kthreads never return to user space, so a patch of `kthread_demo_work` waits until a pass finds
 * this one outside of it: with `pause_ms=0` none ever does.
 */
import { assert } from '../abi/errno.ts';
import { callFunction } from '../engine/call.ts';
import { NS_PER_MS } from '../engine/clock.ts';
import { type FunctionDefinition, lookupName } from '../engine/kallsyms.ts';
import type { ModuleDefinition } from '../engine/module/model.ts';
import { runKthread, shouldStop, stopKthread } from '../engine/sched/kthread.ts';
import { sleepFor } from '../engine/sched/wait.ts';

const NAME = 'kthread_demo';
/** Ten seconds, unless somebody wakes it. */
const WORK_NS = 10_000 * NS_PER_MS;
/** Longer than it takes until the next pass comes by. */
const PAUSE_MS = 2000;

const work: FunctionDefinition = {
  name: 'kthread_demo_work',
  *body({ kernel }) {
    yield* sleepFor(kernel, 'interruptible', WORK_NS);
    return 0;
  },
};

const main: FunctionDefinition = {
  name: 'kthread_demo_fn',
  *body({ kernel }) {
    const code = lookupName(kernel.kallsyms, work.name);
    const parameters = kernel.modules.loaded.get(NAME)?.parameters;
    assert(code && parameters, 'the module of a kthread stays while it runs');
    while (!shouldStop(kernel)) {
      yield* callFunction(kernel, code);
      const pauseMs = Number(parameters.get('pause_ms'));
      if (pauseMs > 0 && !shouldStop(kernel)) {
        yield* sleepFor(kernel, 'interruptible', pauseMs * NS_PER_MS);
      }
    }
    return 0;
  },
};

export const kthreadDemo: ModuleDefinition = {
  name: NAME,
  livepatch: false,
  intree: false,
  depends: [],
  parameters: [{ name: 'pause_ms', type: 'int', default: PAUSE_MS, mode: 0o644 }],
  functions: [main, work],
  init(kernel, module) {
    const code = module.code.get(main);
    assert(code, 'a module is laid out before its init()');
    module.kthreads.push(runKthread(kernel, NAME, code));
  },
  *exit(kernel, module) {
    for (const kthread of module.kthreads) yield* stopKthread(kernel, kthread);
  },
};
