/**
 * Which processes of the host belong to commands that are run on the machine: those that were named,
 * and their descendants.
 *
 * A child whose parent has ended is somebody else's then. So what was once found is remembered, and
 * so are mount namespaces: `klpfs run` makes one, and nobody but descendants is in it.
 */
import { performance } from 'node:perf_hooks';
import { listProcesses, mountNamespaceOf, readProcess } from './hostProc.ts';

/** How long a process is known not to be one of them. */
const STRANGER_MS = 500;

export class OwnProcesses {
  readonly #proc: string;
  readonly #outside: number | undefined;
  /** When each of them started, by pid. */
  readonly #known = new Map<number, string>();
  readonly #namespaces = new Set<number>();
  /** Until when others need not be looked at again, by pid. */
  readonly #strangers = new Map<number, number>();

  /** `proc`: the host's /proc. */
  constructor(proc: string) {
    this.#proc = proc;
    this.#outside = mountNamespaceOf(proc, 'self');
  }

  /** From now on that process and its descendants are among them. False if there is none. */
  add(pid: number): boolean {
    const found = readProcess(this.#proc, pid);
    if (!found) return false;
    this.#remember(pid, found.start);
    return true;
  }

  /** Whether that process is one of them; not for the pids of threads. */
  has(pid: number): boolean {
    if (this.#known.size === 0 || pid <= 1) return false;
    const found = readProcess(this.#proc, pid);
    if (!found) {
      this.#known.delete(pid);
      return false;
    }
    if (this.#known.get(pid) === found.start) return true;
    this.#known.delete(pid);
    if (!this.#isInside(pid) && !this.has(found.parentPid)) return false;
    this.#remember(pid, found.start);
    return true;
  }

  /** All that there are now, by pid. */
  list(): number[] {
    if (this.#known.size === 0) return [];
    const now = performance.now();
    const all = listProcesses(this.#proc);
    const own = all.filter((pid) => {
      if ((this.#strangers.get(pid) ?? 0) > now) return false;
      const isOwn = this.has(pid);
      if (!isOwn) this.#strangers.set(pid, now + STRANGER_MS);
      return isOwn;
    });
    forgetOthers(this.#known, new Set(own));
    forgetOthers(this.#strangers, new Set(all));
    return own;
  }

  #isInside(pid: number): boolean {
    const namespace = mountNamespaceOf(this.#proc, pid);
    return namespace !== undefined && this.#namespaces.has(namespace);
  }

  #remember(pid: number, start: string): void {
    this.#known.set(pid, start);
    this.#strangers.delete(pid);
    const namespace = mountNamespaceOf(this.#proc, pid);
    const isOurs = namespace !== undefined && namespace !== this.#outside;
    if (isOurs && this.#outside !== undefined) this.#namespaces.add(namespace);
  }
}

function forgetOthers(about: Map<number, unknown>, pids: ReadonlySet<number>): void {
  for (const pid of about.keys()) if (!pids.has(pid)) about.delete(pid);
}
