/**
 * Waiting for a state of the whole machine, without a part in it: who waits sleeps, and the main
 * loop looks at the end of every moment, when nothing is left to do before time moves.
 */
import { nextExpiryNs, setTimer, type Watch } from '../clock.ts';
import type { Kernel } from '../kernel.ts';
import type { Context, Wakeup } from './context.ts';
import { wakeTask } from './scheduler.ts';

/**
 * Sleeps until the end of the first moment at which it is so, which may be this one: `woken`; or
 * until that of `untilNs`: `timeout`.
 */
export function* watchFor(
  kernel: Kernel,
  isReached: () => boolean,
  untilNs: number,
): Context<Wakeup> {
  const { timers, current: task } = kernel;
  const tell = (reached: boolean) => wakeTask(kernel, task, reached ? 'woken' : 'timeout');
  const watch: Watch = { isReached, untilNs, tell };
  // Time does not pass over the limit when nothing else happens then.
  const limit = setTimer(timers, untilNs, () => {});
  timers.watches.add(watch);
  try {
    return yield { kind: 'sleep', state: 'interruptible' };
  } finally {
    timers.watches.delete(watch);
    limit.cancelled = true;
  }
}

/** At the end of a moment: wakes those who need not wait any longer. True if there were any. */
export function tellWatches({ timers, clock: { nowNs } }: Kernel): boolean {
  if (timers.watches.size === 0 || nextExpiryNs(timers) <= nowNs) return false;
  let told = false;
  for (const watch of timers.watches) {
    const isReached = watch.isReached();
    if (!isReached && nowNs < watch.untilNs) continue;
    timers.watches.delete(watch);
    watch.tell(isReached);
    told = true;
  }
  return told;
}
