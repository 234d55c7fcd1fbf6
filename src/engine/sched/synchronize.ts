/**
 * Waiting until nobody uses what was read before: two ways, and who is overlooked by one of them.
 *
 * Both wait for cpus to get to a point where another task may run. A cpu that is on its way to user
 * space, or into the idle loop, RCU takes for one that reads nothing; but such code can be traced,
 * and so be in the handler of a livepatch.
 */
import type { Kernel } from '../kernel.ts';
import type { Context } from './context.ts';
import { runOnCpus, runOnEachCpu } from './workqueue.ts';

export type Synchronize = (kernel: Kernel) => Context;

/** Work on every cpu, whatever RCU thinks of it. Source: klp_synchronize_transition(). */
export function synchronizeEveryCpu(kernel: Kernel): Context {
  return runOnEachCpu(kernel, () => {});
}

/** synchronize_rcu(): waits only for cpus that RCU watches. Source: kernel/rcu/tree.c. */
export function synchronizeRcu(kernel: Kernel): Context {
  const watched = kernel.cpus.filter(({ rcuWatching }) => rcuWatching);
  return runOnCpus(kernel, watched, () => {});
}
