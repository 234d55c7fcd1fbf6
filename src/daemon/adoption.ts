/**
 * Keeps the tasks of adopted processes as these are on the host: new ones, their names, their ends.
 *
 * The host does not tell; so it is looked at whenever somebody asks the machine about processes or
 * asks it as one of them, and a few times a second.
 */
import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Kernel } from '../engine/kernel.ts';
import { adoptTask, endAdopted, findAdopted, releaseAdopted } from '../engine/sched/adopt.ts';
import { findTask, type Task } from '../engine/sched/task.ts';
import { type HostProcess, listChildren, listThreads, readProcess, readTgid } from './hostProc.ts';
import type { OwnProcesses } from './ownProcesses.ts';

/** How often, while nobody asks. */
const WATCH_MS = 100;
/** After how many processes requests get their turn. Each takes some tens of microseconds. */
const SLICE = 20;

export interface AdoptionSettings {
  readonly kernel: Kernel;
  /** The host's /proc. */
  readonly proc: string;
  /** Whose processes are adopted. */
  readonly own: OwnProcesses;
  readonly logger: Logger;
  /** Called when something has come to the machine. */
  readonly changed: () => void;
  readonly onBug: (error: unknown) => void;
}

export class Adoption {
  readonly #settings: AdoptionSettings;
  /** What is a task of the machine now, or cannot become one, by pid. */
  readonly #seen = new Map<number, HostProcess & { readonly tgid: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: AdoptionSettings) {
    this.#settings = settings;
  }

  /** Begins; until then no process is adopted. */
  start(): void {
    this.#timer ??= setTimeout(() => this.#watchAgain(), WATCH_MS).unref();
    this.updateAll();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The task of a process or thread, adopted now if it has to be. */
  taskOf(pid: number): Task | undefined {
    if (!this.#timer) return undefined;
    if (this.#isKnown(pid) || this.#adopt(pid)) return findAdopted(this.#settings.kernel, pid);
    return undefined;
  }

  updateAll(): void {
    if (!this.#timer) return;
    for (const pid of this.#seen.keys()) this.#isKnown(pid);
    for (const pid of this.#settings.own.list()) this.#adoptWithThreads(pid);
    this.#settings.changed();
  }

  /** A process, with its threads. */
  update(pid: number): void {
    const { kernel, changed } = this.#settings;
    const isMachines =
      findTask(kernel.tasks, pid) !== undefined && findAdopted(kernel, pid) === undefined;
    if (!this.#timer || isMachines) return;
    const seen = this.#seen.get(pid);
    for (const { pid: thread, tgid } of this.#seen.values()) {
      if (tgid === (seen?.tgid ?? pid)) this.#isKnown(thread);
    }
    this.#adoptWithThreads(pid);
    changed();
  }

  async #watchAgain(): Promise<void> {
    await this.#watch().catch(this.#settings.onBug);
    this.#timer?.refresh();
  }

  async #watch(): Promise<void> {
    let watched = 0;
    for (const { pid, tgid } of this.#seen.values()) {
      if (!this.#timer) return;
      if (this.#isKnown(pid) && pid === tgid) this.#lookAround(pid);
      watched += 1;
      if (watched % SLICE === 0) await setImmediate();
    }
    this.#settings.changed();
  }

  /** For what a process has started since. */
  #lookAround(pid: number): void {
    this.#adoptWithThreads(pid);
    for (const child of listChildren(this.#settings.proc, pid)) this.#adoptWithThreads(child);
  }

  #adoptWithThreads(pid: number): void {
    if (!this.#seen.has(pid) && !this.#adopt(pid)) return;
    for (const thread of listThreads(this.#settings.proc, pid)) {
      if (!this.#seen.has(thread)) this.#adopt(thread);
    }
  }

  /** Whether it is still the one that was seen; tells the machine what has become of it. */
  #isKnown(pid: number): boolean {
    const { kernel, proc } = this.#settings;
    const seen = this.#seen.get(pid);
    if (!seen) return false;
    const found = readProcess(proc, pid);
    const isThere = found?.start === seen.start;
    const task = findAdopted(kernel, pid);
    if (task === undefined) {
      if (!isThere) this.#seen.delete(pid);
      return isThere;
    }
    if (!found || !isThere || ENDED.includes(found.state)) {
      if (!endAdopted(kernel, task)) return isThere;
    } else if (found.comm !== seen.comm) {
      kernel.tasks.comm[task] = found.comm;
      this.#seen.set(pid, { ...seen, comm: found.comm });
    }
    if (isThere) return true;
    releaseAdopted(kernel, pid);
    this.#seen.delete(pid);
    return false;
  }

  /** False if it is none of ours, or has gone. Its parent and its process come before it. */
  #adopt(pid: number): boolean {
    const { kernel, proc, own, logger } = this.#settings;
    const found = readProcess(proc, pid);
    const tgid = found && readTgid(proc, pid);
    if (!found || tgid === undefined || ENDED.includes(found.state) || !own.has(tgid)) return false;
    const { comm, parentPid } = found;
    if (tgid !== pid && !this.#seen.has(tgid) && !this.#adopt(tgid)) return false;
    if (!this.#seen.has(parentPid)) this.#adopt(parentPid);
    this.#seen.set(pid, { ...found, tgid });
    const isTaken = findTask(kernel.tasks, pid) !== undefined;
    if (isTaken) logger.warn({ pid, comm }, 'not adopted: the machine has a task with that pid');
    if (isTaken || (tgid !== pid && findAdopted(kernel, tgid) === undefined)) return true;
    adoptTask(kernel, { pid, tgid, parentPid, comm });
    return true;
  }
}

/** Zombies, and what is just going. Source: fs/proc/array.c:task_state_array[]. */
const ENDED = ['Z', 'X'];
