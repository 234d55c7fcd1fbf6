/** What the tree knows of the host that the machine runs on: its processes, and its /proc. */
import type { Task } from '../engine/sched/task.ts';
import type { Caller } from './node.ts';

/** Paths are those below the host's /proc. */
export interface Host {
  /** The task of whoever asks, which is made if that process is to have one. */
  taskOf(caller: Caller): Task | undefined;
  /** Sees to it that the tasks of the host's processes are those that these are now: all, or one's. */
  updateAll(): void;
  update(pid: number): void;
  /** The pids of those that belong to commands which are run on the machine. */
  processes(): readonly number[];
  has(path: string): boolean;
  list(path: string): readonly string[];
  /** What a symlink says. */
  readlink(path: string): string | undefined;
}

/** A host that nobody can see. */
export const NO_HOST: Host = {
  taskOf: () => undefined,
  updateAll: () => {},
  update: () => {},
  processes: () => [],
  has: () => false,
  list: () => [],
  readlink: () => undefined,
};
