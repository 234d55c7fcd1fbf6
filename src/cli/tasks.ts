/** The tasks of a machine, as control/tasks lists them. */
import { type Machine, readText } from './machineFiles.ts';

/** Named as in control/tasks. */
export interface TaskRow {
  readonly pid: number;
  /** The pid of the process that it is a thread of; its own for the first thread. */
  readonly tgid: number;
  readonly ppid: number;
  readonly comm: string;
  /** host: a process of the host, which the machine has adopted. */
  readonly kind: 'user' | 'host' | 'client' | 'kthread' | 'idle';
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

/** Whose user space is not the machine's. */
export const OUTSIDE: readonly string[] = ['host', 'client'];

/**
 * The processes and kthreads that are there after `act`, and were not before, in the order of
 * control/tasks; not their threads, and not the children that they have had already.
 */
export function tasksAddedBy(machine: Machine, act: () => void): TaskRow[] {
  const before = new Set(readTasks(machine).map(({ pid }) => pid));
  act();
  // Processes outside come and go as they like, this one among them.
  const added = readTasks(machine).filter(
    ({ pid, tgid, kind }) => !OUTSIDE.includes(kind) && pid === tgid && !before.has(pid),
  );
  const pids = new Set(added.map(({ pid }) => pid));
  return added.filter(({ ppid }) => !pids.has(ppid));
}
