/** The host's processes as a machine that is mounted on it knows them. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { KernelError } from '../abi/errno.ts';
import type { Task } from '../engine/sched/task.ts';
import type { Host } from '../sysfs/host.ts';
import type { Caller } from '../sysfs/node.ts';
import { Adoption, type AdoptionSettings } from './adoption.ts';
import { findHostProc, listNames, readLink } from './hostProc.ts';
import { OwnProcesses } from './ownProcesses.ts';

export class HostProcesses implements Host {
  readonly #proc = findHostProc();
  /** Those that are shown, and of these the ones that are tasks as well. */
  readonly #attached = new OwnProcesses(this.#proc);
  readonly #adopted = new OwnProcesses(this.#proc);
  readonly #adoption: Adoption;

  constructor(settings: Omit<AdoptionSettings, 'proc' | 'own'>) {
    this.#adoption = new Adoption({ ...settings, proc: this.#proc, own: this.#adopted });
  }

  /**
   * From now on the process and its descendants are listed in the merged /proc.
   *
   * @throws KernelError ESRCH if there is none.
   */
  attach(pid: number): void {
    if (!this.#attached.add(pid)) throw new KernelError('ESRCH', `the host has no process ${pid}`);
  }

  /** From now on they are tasks of the machine besides. */
  adopt(pid: number): void {
    this.attach(pid);
    this.#adopted.add(pid);
    this.#adoption.start();
  }

  stop(): void {
    this.#adoption.stop();
  }

  readonly taskOf = ({ pid }: Caller): Task | undefined => this.#adoption.taskOf(pid);

  updateAll(): void {
    this.#adoption.updateAll();
  }

  update(pid: number): void {
    this.#adoption.update(pid);
  }

  processes(): readonly number[] {
    return this.#attached.list();
  }

  has(path: string): boolean {
    return lstatSync(join(this.#proc, path), { throwIfNoEntry: false }) !== undefined;
  }

  list(path: string): readonly string[] {
    return listNames(join(this.#proc, path));
  }

  readlink(path: string): string | undefined {
    return readLink(join(this.#proc, path));
  }
}
