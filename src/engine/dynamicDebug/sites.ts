/**
 * The places of the kernel that print only if somebody asked for it: calls of pr_debug().
 *
 * Source: include/linux/dynamic_debug.h, lib/dynamic_debug.c:__dynamic_pr_debug().
 */
import type { Release } from '../../abi/release.ts';
import type { Kernel } from '../kernel.ts';
import { type LivepatchDebugLine, livepatchDebugSites } from '../livepatch/debugSites.ts';
import { pidOf } from '../sched/task.ts';

/** Letters of flags, in the order in which they are shown. */
export const FLAGS = 'pmflt';

/** Which line of the log a site prints. */
export type DebugLine = LivepatchDebugLine;

/** What the compiler knows of a site. */
export interface DebugSiteDefinition {
  /** From the root of the source tree. */
  readonly file: string;
  readonly line: number;
  readonly module: string;
  readonly function: string;
  /** What pr_debug() was given, without the prefix that pr_fmt() adds. */
  readonly format: string;
  readonly prints: readonly DebugLine[];
}

export interface DebugSite extends DebugSiteDefinition {
  /** Letters of FLAGS, in that order. */
  flags: string;
}

export interface DynamicDebug {
  /** In the order of the control file. */
  readonly sites: readonly DebugSite[];
  readonly byLine: ReadonlyMap<DebugLine, DebugSite>;
}

export function createDynamicDebug(release: Release): DynamicDebug {
  const sites = livepatchDebugSites(release).map((site) => ({ ...site, flags: '' }));
  const byLine = sites.flatMap((site) => site.prints.map((line) => [line, site] as const));
  return { sites, byLine: new Map(byLine) };
}

/** Whether such a line is logged now. */
export function isDebugOn({ dynamicDebug }: Kernel, line: DebugLine): boolean {
  return dynamicDebug.byLine.get(line)?.flags.includes('p') ?? false;
}

/** What the flags of its site put in front of a line. Source: __dynamic_emit_prefix(). */
export function debugPrefix(kernel: Kernel, line: DebugLine): string {
  const site = kernel.dynamicDebug.byLine.get(line);
  if (!site) return '';
  const shown = (letter: string, text: string) => (site.flags.includes(letter) ? text : '');
  const thread = shown('t', `[${pidOf(kernel.tasks, kernel.current)}] `);
  const place = [
    shown('m', `${site.module}:`),
    shown('f', `${site.function}:`),
    shown('l', `${site.line}:`),
  ].join('');
  return `${thread}${place}${place && ' '}`;
}
