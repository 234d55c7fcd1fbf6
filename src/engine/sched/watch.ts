/**
 * Waiting for a state of the whole machine, without a part in it: who waits sleeps, and the main
 * loop looks at the end of every moment, when nothing is left to do before time moves.
 */
import { nextExpiryNs, setTimer } from '../clock.ts';
import type { Kernel } from '../kernel.ts';
import type { Context, Wakeup } from './context.ts';
import { wakeTask } from './scheduler.ts';

/** Somebody who waits for something to come true, or for a time, whichever is first. */
export interface Watch {
  readonly isReached: () => boolean;
  readonly untilNs: number;
  readonly tell: (isReached: boolean) => void;
}

/**
 * Sleeps until the end of the first moment at which it is so, which may be this one: `woken`; or
 * until that of `untilNs`: `timeout`.
 */
export function* watchFor(
  kernel: Kernel,
  isReached: () => boolean,
  untilNs: number,
): Context<Wakeup> {
  const { timers, watches, current: task } = kernel;
  let wakeup: Wakeup | undefined;
  const tell = (reached: boolean) => {
    wakeup = reached ? 'woken' : 'timeout';
    wakeTask(kernel, task, wakeup);
  };
  const watch: Watch = { isReached, untilNs, tell };
  // Time does not pass over the limit when nothing else happens then.
  const limit = setTimer(timers, untilNs, () => {});
  watches.add(watch);
  try {
    while (wakeup === undefined) {
      const woken: Wakeup = yield { kind: 'sleep', state: 'interruptible' };
      if (woken === 'signal') return woken;
    }
    return wakeup;
  } finally {
    watches.delete(watch);
    limit.cancelled = true;
  }
}

/** At the end of a moment: wakes those who need not wait any longer. True if there were any. */
export function tellWatches({ timers, watches, clock: { nowNs } }: Kernel): boolean {
  if (watches.size === 0 || nextExpiryNs(timers) <= nowNs) return false;
  let told = false;
  for (const watch of watches) {
    const isReached = watch.isReached();
    if (!isReached && nowNs < watch.untilNs) continue;
    watches.delete(watch);
    watch.tell(isReached);
    told = true;
  }
  return told;
}
