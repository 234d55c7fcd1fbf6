/**
 * Files of /proc that modules make. Source: fs/proc/generic.c:proc_create_single(),
 * remove_proc_entry().
 */
import type { Code } from './kallsyms.ts';
import type { Kernel } from './kernel.ts';

/** By name: the function that shows the file. */
export type ProcEntries = Map<string, Code>;

export function createProcEntry(kernel: Kernel, name: string, show: Code): void {
  kernel.procEntries.set(name, show);
}

export function removeProcEntry(kernel: Kernel, name: string): void {
  kernel.procEntries.delete(name);
}
