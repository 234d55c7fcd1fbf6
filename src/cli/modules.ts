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

/** As kmod's lsmod prints them. Source: kmod, tools/lsmod.c. */
export function formatModules(modules: readonly ModuleRow[]): string {
  const lines = modules.map(
    ({ name, size, refcnt, used_by: users }) =>
      `${name.padEnd(19)} ${String(size).padStart(8)}  ${refcnt}${users.length > 0 ? ` ${users.join(',')}` : ''}`,
  );
  return ['Module                  Size  Used by', ...lines, ''].join('\n');
}
