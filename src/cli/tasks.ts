/** The tasks of a machine, as control/tasks lists them. */
import { type Machine, readText } from './machineFiles.ts';

/** Named as in control/tasks. */
export interface TaskRow {
  readonly pid: number;
  /** The pid of the process that it is a thread of; its own for the first thread. */
  readonly tgid: number;
  readonly ppid: number;
  readonly comm: string;
  readonly kind: 'user' | 'client' | 'kthread' | 'idle';
  readonly state: string;
  readonly cpu: number;
  /** -1 outside a transition, else 0 or 1. */
  readonly patch_state: number;
  /** The newest frame first. */
  readonly stack: readonly string[];
}

export function readTasks(machine: Machine): TaskRow[] {
  return JSON.parse(readText(machine, 'control/tasks'));
}

/**
 * The processes and kthreads that are there after `act`, and were not before, in the order of
 * control/tasks; not their threads, and not the children that they have had already.
 */
export function tasksAddedBy(machine: Machine, act: () => void): TaskRow[] {
  const before = new Set(readTasks(machine).map(({ pid }) => pid));
  act();
  // A client is a process outside that happens to use the mount.
  const added = readTasks(machine).filter(
    ({ pid, tgid, kind }) => kind !== 'client' && pid === tgid && !before.has(pid),
  );
  const pids = new Set(added.map(({ pid }) => pid));
  return added.filter(({ ppid }) => !pids.has(ppid));
}
