/**
 * Functions of the kernel itself that do something visible: the show functions behind /proc.
 *
 * Source: fs/proc/cmdline.c, fs/proc/meminfo.c, fs/proc/version.c, fs/proc/uptime.c.
 */
import { NS_PER_SECOND } from './clock.ts';
import type { Body, FunctionDefinition } from './kallsyms.ts';

/** Memory of the emulated machine in KiB, as /proc/meminfo lists it. */
const MEMINFO_KB = { MemTotal: 2_048_000, MemFree: 1_536_000, MemAvailable: 1_792_000 } as const;

/** Each has a call site of its own, so each can be patched and traced. */
export const PROC_SHOW_FUNCTIONS: readonly FunctionDefinition[] = [
  shows('cmdline_proc_show', ({ kernel }) => `${kernel.config.cmdline}\n`),
  shows('meminfo_proc_show', () =>
    Object.entries(MEMINFO_KB)
      .map(([name, kb]) => `${`${name}:`.padEnd(16)}${String(kb).padStart(8)} kB\n`)
      .join(''),
  ),
  shows('version_proc_show', ({ kernel }) => `${bannerOf(kernel.config.version)}\n`),
  shows('uptime_proc_show', ({ kernel }) => {
    const seconds = (kernel.clock.nowNs / NS_PER_SECOND).toFixed(2);
    return `${seconds} ${seconds}\n`;
  }),
];

/** linux_banner: the first line of the kernel log, and /proc/version. */
export function bannerOf(version: string): string {
  return `Linux version ${version} (klpfs@emulated) (no compiler) #1 SMP`;
}

function shows(name: string, text: (call: Parameters<Body>[0]) => string): FunctionDefinition {
  return {
    name,
    body: (call) => {
      if (call.seq) call.seq.text += text(call);
      return 0;
    },
  };
}
