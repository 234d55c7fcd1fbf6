/** What lets a task switch: commands that can be typed, or what happens by itself. */
import { OUTSIDE } from './tasks.ts';
import type { Straggler } from './transition.ts';

/** init ignores signals, and cannot end. */
const INIT_PID = 1;

/** One of them is enough. */
export function remediesOf(task: Straggler): string[] {
  const { holdup, kind } = task;
  if (holdup === null) return ['the next pass, within two seconds'];
  if (kind === 'idle') return ['its idle loop, which it passes by itself'];
  if (kind === 'kthread') return kthreadRemedies(task);
  if (holdup === 'running') {
    return ['its next interrupt or return to user space'];
  }
  if (OUTSIDE.includes(kind))
    return ['the end of its system call, which a process outside the machine has made'];
  return userRemedies(task);
}

/** They never return to user space, and take no signals: a pass has to find them elsewhere. */
function kthreadRemedies({ holdup, state, pid }: Straggler): string[] {
  if (holdup === 'running') return ['a pass that finds it off its cpu'];
  return state === 'runnable' ? ['a pass that finds it elsewhere'] : [`klpfs wake ${pid}`];
}

function userRemedies({ state, pid }: Straggler): string[] {
  const wake = `klpfs wake ${pid}`;
  if (state === 'runnable') return ['its return to user space'];
  if (pid === INIT_PID) return [wake];
  switch (state) {
    case 'interruptible':
      return [`klpfs kill -STOP ${pid}; klpfs kill -CONT ${pid}`, wake, `klpfs kill ${pid}`];
    case 'killable':
      return [`klpfs kill -KILL ${pid}`, wake];
    case 'stopped':
      return [`klpfs kill -CONT ${pid}`, `klpfs kill -KILL ${pid}`];
    default:
      return [wake, `klpfs exit ${pid}`];
  }
}
