/** The loaded modules, as proc/modules lists them. */
import { type Machine, readText } from './machineFiles.ts';

export interface ModuleRow {
  readonly name: string;
  readonly size: number;
  readonly refcnt: number;
  readonly used_by: readonly string[];
  /** Live, Loading or Unloading. */
  readonly state: string;
  /** Letters, as in /proc/sys/kernel/tainted; empty for most. */
  readonly taints: string;
}

export function readModules(machine: Machine): ModuleRow[] {
  return parseModules(readText(machine, 'proc/modules'));
}

/** Lines of `NAME SIZE REFCNT USER,USER,|- STATE ADDRESS [(TAINTS)]`. */
export function parseModules(text: string): ModuleRow[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', size, refcnt, users = '-', state = '', , taints = ''] = line.split(' ');
      const used_by = users === '-' ? [] : users.split(',').filter((user) => user !== '');
      return {
        name,
        size: Number(size),
        refcnt: Number(refcnt),
        used_by,
        state,
        taints: taints.replace(/[()]/g, ''),
      };
    });
}
