/** The livepatch mutex, as control/klp_mutex tells of it: who holds it, and who waits for it. */
import { formatSeconds } from './duration.ts';
import { type Machine, readText } from './machineFiles.ts';
import type { TaskRow } from './tasks.ts';

/** Named as in control/klp_mutex. */
export interface Mutex {
  readonly owner: TaskRow;
  readonly since_us: number;
  readonly now_us: number;
  /** The callback that runs under it; null between callbacks. */
  readonly callback: {
    readonly name: string;
    readonly object: string;
    readonly patch: string;
  } | null;
  /** In the order in which they will get it. */
  readonly waiters: readonly TaskRow[];
}

/** Null if nobody holds it. */
export function readMutex(machine: Machine): Mutex | null {
  return JSON.parse(readText(machine, 'control/klp_mutex'));
}

/** What `klpfs why` says of it. */
export function describeMutex({ owner, since_us, now_us, callback, waiters }: Mutex): string[] {
  const inside = callback
    ? `, in ${callback.name} of ${callback.object}, a callback of ${callback.patch}`
    : '';
  const held = formatSeconds(Math.round((now_us - since_us) / 1000));
  return [
    `the livepatch mutex is held by ${nameOf(owner)}, ${owner.state}, for ${held}${inside}`,
    ...owner.stack.map((frame) => `     ${frame}`),
    ...(isAsleep(owner) ? [`  freed by: klpfs wake ${owner.pid}`] : []),
    ...waiters.map((task) => `  waiting: ${nameOf(task)}, ${task.state}`),
  ];
}

function nameOf({ comm, pid }: TaskRow): string {
  return `${comm} (pid ${pid})`;
}

function isAsleep({ state }: TaskRow): boolean {
  return ['interruptible', 'killable', 'uninterruptible'].includes(state);
}
