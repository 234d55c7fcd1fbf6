/** Livepatches, as sys/kernel/livepatch and sys/module show them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { listDirectories, type Machine, readIfThere } from './machineFiles.ts';
import { readModules } from './modules.ts';

export const LIVEPATCH = 'sys/kernel/livepatch';
/** TAINT_LIVEPATCH. Source: kernel/panic.c:taint_flags[]. */
const LIVEPATCH_TAINT = 'K';

/**
 * What can be seen of a patch. unpatched: its module is loaded, but the directory has gone, as from
 * Linux 5.1 on when unpatching is complete; loading: the module is there, the directory not yet.
 */
export type PatchSight =
  | { readonly kind: 'present'; readonly enabled: boolean; readonly transition: boolean }
  | { readonly kind: 'unpatched' | 'loading' | 'absent' };

/** One function of a patch: `NAME,SYMPOS`. */
export interface FuncRow {
  readonly name: string;
  readonly sympos: number;
}

export interface ObjectRow {
  readonly name: string;
  /** Absent where the release has no such file. */
  readonly patched?: boolean;
  readonly funcs: readonly FuncRow[];
}

/** Modules have `_` in their names where their files have `-`. */
export function moduleName(fileName: string): string {
  return fileName.replaceAll('-', '_');
}

/** Names of the patches that have a directory. */
export function listPatches(machine: Machine): string[] {
  return listDirectories(machine, LIVEPATCH) ?? [];
}

export function seePatch(machine: Machine, patch: string): PatchSight {
  const enabled = readIfThere(machine, `${LIVEPATCH}/${patch}/enabled`);
  const transition = readIfThere(machine, `${LIVEPATCH}/${patch}/transition`);
  if (enabled !== undefined && transition !== undefined) {
    return { kind: 'present', enabled: enabled === '1\n', transition: transition === '1\n' };
  }
  const module = readModules(machine).find(({ name }) => name === patch);
  if (!module?.taints.includes(LIVEPATCH_TAINT)) return { kind: 'absent' };
  return { kind: module.state === 'Loading' ? 'loading' : 'unpatched' };
}

/** Whether this release lets people force a transition. */
export function hasForce({ directory }: Machine, patch: string): boolean {
  return existsSync(join(directory, LIVEPATCH, patch, 'force'));
}

/** How many users the patch's module has; undefined if it has just gone. */
export function readRefcnt(machine: Machine, patch: string): number | undefined {
  const refcnt = readIfThere(machine, `sys/module/${patch}/refcnt`);
  return refcnt === undefined ? undefined : Number(refcnt);
}

export function listObjects(machine: Machine, patch: string): ObjectRow[] {
  const names = listDirectories(machine, `${LIVEPATCH}/${patch}`) ?? [];
  return names.map((name) => {
    const path = `${LIVEPATCH}/${patch}/${name}`;
    const patched = readIfThere(machine, `${path}/patched`);
    return {
      name,
      ...(patched === undefined ? {} : { patched: patched === '1\n' }),
      funcs: (listDirectories(machine, path) ?? []).map(parseFunc),
    };
  });
}

function parseFunc(directory: string): FuncRow {
  const comma = directory.lastIndexOf(',');
  return { name: directory.slice(0, comma), sympos: Number(directory.slice(comma + 1)) };
}
