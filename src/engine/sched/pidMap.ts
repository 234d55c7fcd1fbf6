/**
 * Which pids are taken, and by whom; in ascending order, however many there are.
 *
 * Source: kernel/pid.c, and the tree behind its idr, of which this has two levels.
 */
import type { Task } from './task.ts';

const LEAF_PIDS = 1024;
const NOBODY = -1;

export interface PidMap {
  /** The tasks of 1024 pids each, where one of them has ever been taken. */
  readonly leaves: (Int32Array | undefined)[];
  size: number;
}

export function createPidMap(): PidMap {
  return { leaves: [], size: 0 };
}

export function taskWithPid({ leaves }: PidMap, pid: number): Task | undefined {
  const task = leaves[Math.floor(pid / LEAF_PIDS)]?.[pid % LEAF_PIDS] ?? NOBODY;
  return task === NOBODY ? undefined : task;
}

/** The caller sees to it that the pid is free. */
export function takePid(map: PidMap, pid: number, task: Task): void {
  const index = Math.floor(pid / LEAF_PIDS);
  const leaf = map.leaves[index] ?? new Int32Array(LEAF_PIDS).fill(NOBODY);
  map.leaves[index] = leaf;
  leaf[pid % LEAF_PIDS] = task;
  map.size += 1;
}

export function freePid(map: PidMap, pid: number): void {
  const leaf = map.leaves[Math.floor(pid / LEAF_PIDS)];
  if (!leaf || leaf[pid % LEAF_PIDS] === NOBODY) return;
  leaf[pid % LEAF_PIDS] = NOBODY;
  map.size -= 1;
}

/** The first pid from `from` on that is taken. Source: find_ge_pid(). */
export function nextPidTaken({ leaves }: PidMap, from: number): number | undefined {
  let offset = from % LEAF_PIDS;
  for (let index = Math.floor(from / LEAF_PIDS); index < leaves.length; index += 1) {
    const leaf = leaves[index];
    if (leaf) {
      for (; offset < LEAF_PIDS; offset += 1) {
        if (leaf[offset] !== NOBODY) return index * LEAF_PIDS + offset;
      }
    }
    offset = 0;
  }
  return undefined;
}
