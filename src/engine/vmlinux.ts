/**
 * Functions of the kernel itself that do something visible: the show functions behind /proc.
 *
 * Source: fs/proc/cmdline.c, fs/proc/meminfo.c, fs/proc/version.c, fs/proc/uptime.c.
 */
import { isIn, type Release, since } from '../abi/release.ts';
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

/** The way of read(2) down to the show function of a file in /proc; the last row that fits counts. */
const READ_PATHS = [
  {
    // Source: arch/x86/entry/common.c, fs/read_write.c, fs/proc/inode.c of 4.15.
    releases: since('4.0'),
    functions: [
      'entry_SYSCALL_64_after_hwframe',
      'do_syscall_64',
      'SyS_read',
      'vfs_read',
      '__vfs_read',
      'proc_reg_read',
      'seq_read',
    ],
  },
  {
    // Source: the stack that a 6.1 kernel shows with options/func_stack_trace.
    releases: since('5.10'),
    functions: [
      'entry_SYSCALL_64_after_hwframe',
      'do_syscall_64',
      'ksys_read',
      'vfs_read',
      'proc_reg_read_iter',
      'seq_read_iter',
    ],
  },
];

/** The functions that have called each other when a show function is called, the outermost first. */
export function readPathOf(release: Release): readonly string[] {
  return READ_PATHS.findLast(({ releases }) => isIn(release, releases))?.functions ?? [];
}

/** `uname -v`. */
export const UTS_VERSION = '#1 SMP';

/** linux_banner: the first line of the kernel log, and /proc/version. */
export function bannerOf(version: string): string {
  return `Linux version ${version} (klpfs@emulated) (no compiler) ${UTS_VERSION}`;
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
