/** What becomes of a load of a module that somebody else is just loading. */
import { KernelError } from '../../abi/errno.ts';
import { between, isIn, since } from '../../abi/release.ts';
import type { Kernel } from '../kernel.ts';
import type { Context } from '../sched/context.ts';
import { createWaitQueue, waitOn, wakeAll } from '../sched/wait.ts';
import type { Load } from './model.ts';

/** From 6.5 on who loads what is just being loaded waits for that, and ends as it does. */
export const JOINS_LOADS = since('6.5');

/**
 * Loads, or ends as the load does that is going on.
 *
 * @throws KernelError EINTR for a signal meanwhile, and what the load is refused with.
 *
 * Source: kernel/module/main.c:idempotent_init_module().
 */
export function* joinLoad(kernel: Kernel, name: string, load: () => Context): Context {
  if (!isIn(kernel.config.release, JOINS_LOADS)) {
    yield* load();
    return;
  }
  const { loads } = kernel.modules;
  const running = loads.get(name);
  if (running) {
    if ((yield* waitOn(kernel, running.ended, 'interruptible')) === 'signal') {
      throw new KernelError('EINTR', 'a signal came');
    }
    if (running.failure !== undefined) throw running.failure;
    return;
  }
  const own: Load = { ended: createWaitQueue(), failure: undefined };
  loads.set(name, own);
  try {
    yield* load();
  } catch (error) {
    own.failure = error;
    throw error;
  } finally {
    loads.delete(name);
    wakeAll(kernel, own.ended);
  }
}

/** Since 6.2, and the stable releases of 6.1, who has waited for a load that failed does not try again. */
export const RETRIES = between('4.0', '6.1');

/**
 * Comes back when the module can be loaded: another load of it is waited for, since it may fail.
 *
 * @throws KernelError EEXIST if it is loaded, EBUSY if a load of it has just failed or it is going.
 *
 * Source: add_unformed_module().
 */
export function* waitForOthers(kernel: Kernel, name: string): Context {
  const { config, modules } = kernel;
  const retries = isIn(config.release, RETRIES);
  for (let old = modules.loaded.get(name); old; old = modules.loaded.get(name)) {
    if (old.state === 'live') throw new KernelError('EEXIST', `module '${name}' is loaded`);
    if (retries || old.state === 'coming') {
      const wakeup = yield* waitOn(kernel, modules.finished, 'interruptible');
      if (wakeup === 'signal') throw new KernelError('EINTR', 'a signal came');
    }
    if (!retries && modules.loaded.get(name)?.state !== 'live') {
      throw new KernelError('EBUSY', `another load of '${name}' has failed, or it is going`);
    }
  }
}
