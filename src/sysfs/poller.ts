/** Whom to tell that an open file may have become ready. Source: fs/select.c:poll_wait(). */
import type { WaitQueue } from '../engine/sched/wait.ts';
import type { Wake } from './node.ts';

/** The place of one open file on a wait queue. */
export interface Poller {
  /** Tells `wake`, once, and no longer whoever came before; without one, that stays as it is. */
  readonly wait: (wake: Wake | undefined) => void;
  /** Tells nobody any more. */
  readonly leave: () => void;
}

export function createPoller({ listeners }: WaitQueue): Poller {
  let listener: Wake | undefined;

  function leave(): void {
    if (listener) listeners.delete(listener);
  }

  return {
    wait: (wake) => {
      if (!wake) return;
      leave();
      // One of its own: several open files may be given the same.
      listener = () => wake();
      listeners.add(listener);
    },
    leave,
  };
}
