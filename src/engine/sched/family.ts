/**
 * Who belongs to whom: threads to their process, children to their parent.
 *
 * Nearly every process has one thread and is a child of init, so only the others are kept.
 *
 * Source: include/linux/sched.h: group_leader, thread_group, real_parent, children.
 */
import { taskWithPid } from './pidMap.ts';
import type { Task, TaskTable } from './task.ts';

export interface Family {
  /** Threads beside the leader, in the order of their birth, by the leader's pid. */
  readonly threads: Map<number, Set<Task>>;
  /** How many these are, of all processes. */
  threadCount: number;
  /** Of processes whose parent is neither init nor kthreadd. */
  readonly parents: Map<Task, Task>;
  readonly children: Map<Task, Set<Task>>;
  /** Of processes that lead none of their own, by the leader's pid. */
  readonly sessions: Map<Task, number>;
  /** Parents that sleep until a child exits. */
  readonly waitingParents: Set<Task>;
}

export function createFamily(): Family {
  return {
    threads: new Map(),
    threadCount: 0,
    parents: new Map(),
    children: new Map(),
    sessions: new Map(),
    waitingParents: new Set(),
  };
}

/** The task that stands for the whole process. */
export function leaderOf({ byPid, tgid }: TaskTable, task: Task): Task {
  return taskWithPid(byPid, tgid[task] ?? 0) ?? task;
}

export function isLeader(tasks: TaskTable, task: Task): boolean {
  return leaderOf(tasks, task) === task;
}

/** All threads of the task's process, the leader first. */
export function threadsOf(tasks: TaskTable, task: Task): Task[] {
  const others = tasks.family.threads.get(tasks.tgid[task] ?? 0) ?? [];
  return [leaderOf(tasks, task), ...others];
}

export function joinProcess({ family }: TaskTable, thread: Task, tgid: number): void {
  addTo(family.threads, tgid, thread);
  family.threadCount += 1;
}

export function leaveProcess({ family }: TaskTable, thread: Task, tgid: number): void {
  removeFrom(family.threads, tgid, thread);
  family.threadCount -= 1;
}

/** Undefined: a child of init, or of kthreadd. */
export function parentOf({ family }: TaskTable, leader: Task): Task | undefined {
  return family.parents.get(leader);
}

export function childrenOf({ family }: TaskTable, parent: Task): Task[] {
  return [...(family.children.get(parent) ?? [])];
}

/** The child belongs to its parent, and to the session of its parent. */
export function adopt(tasks: TaskTable, parent: Task, child: Task): void {
  const { family } = tasks;
  family.parents.set(child, parent);
  addTo(family.children, parent, child);
  family.sessions.set(child, sessionOf(tasks, parent));
}

/** The pid of the process that leads the session. */
export function sessionOf({ family, pid }: TaskTable, leader: Task): number {
  return family.sessions.get(leader) ?? pid[leader] ?? 0;
}

/** From now on it is a child of init, in the session that it was in. */
export function orphan({ family }: TaskTable, child: Task): void {
  const parent = family.parents.get(child);
  if (parent === undefined) return;
  family.parents.delete(child);
  removeFrom(family.children, parent, child);
}

function addTo<Key>(sets: Map<Key, Set<Task>>, key: Key, task: Task): void {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(task));
}

function removeFrom<Key>(sets: Map<Key, Set<Task>>, key: Key, task: Task): void {
  const set = sets.get(key);
  set?.delete(task);
  if (set?.size === 0) sets.delete(key);
}
