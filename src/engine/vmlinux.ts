/**
 * Functions of the kernel itself that do something visible: the show functions behind /proc, and a
 * system call.
 *
 * Source: fs/proc/cmdline.c, fs/proc/meminfo.c, fs/proc/version.c, fs/proc/uptime.c, kernel/sys.c.
 */
import { between, isIn, type Release, type ReleaseSpan, since } from '../abi/release.ts';
import { NS_PER_SECOND } from './clock.ts';
import type { Body, FunctionDefinition } from './kallsyms.ts';
import { tgidOf } from './sched/task.ts';

/** Memory of the emulated machine in KiB, as /proc/meminfo lists it. */
const MEMINFO_KB = { MemTotal: 2_048_000, MemFree: 1_536_000, MemAvailable: 1_792_000 } as const;

interface OwnFunction extends FunctionDefinition {
  readonly releases: ReleaseSpan;
}

/** Each has a call site of its own, so each can be patched and traced. */
export const OWN_FUNCTIONS: readonly OwnFunction[] = [
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
  getpid('sys_getpid', between('4.0', '4.17')),
  getpid('__x64_sys_getpid', since('4.17')),
];

/** Those that a release has. */
export function ownFunctionsOf(release: Release): readonly FunctionDefinition[] {
  return OWN_FUNCTIONS.filter(({ releases }) => isIn(release, releases));
}

interface ReadPath {
  readonly releases: ReleaseSpan;
  /** The outermost first. */
  readonly functions: readonly string[];
}

/** The way of read(2) down to the show function of a file in /proc; the last row that fits counts. */
export const READ_PATHS: readonly ReadPath[] = [
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

export interface DataSymbol {
  readonly name: string;
  /** From KERNEL_BASE: behind the code. */
  readonly offset: number;
  readonly releases: ReleaseSpan;
}

/** Data of the kernel by whose symbols others see what it can do. Source: kernel/kprobes.c. */
export const DATA_SYMBOLS: readonly DataSymbol[] = [
  { name: 'kprobe_ipmodify_ops', offset: 0x0300_0a40, releases: since('5.5') },
  { name: 'kprobe_ftrace_ops', offset: 0x0300_0b00, releases: since('4.0') },
];

export function dataSymbolsOf(release: Release): readonly DataSymbol[] {
  return DATA_SYMBOLS.filter(({ releases }) => isIn(release, releases));
}

/** linux_banner: the first line of the kernel log, and /proc/version. */
export function bannerOf(version: string): string {
  return `Linux version ${version} (klpfs@emulated) (no compiler) ${UTS_VERSION}`;
}

/** Source: kernel/sys.c:SYSCALL_DEFINE0(getpid); its name says which registers it takes apart. */
function getpid(name: string, releases: ReleaseSpan): OwnFunction {
  return { name, releases, body: ({ kernel }) => tgidOf(kernel.tasks, kernel.current) };
}

function shows(name: string, text: (call: Parameters<Body>[0]) => string): OwnFunction {
  return {
    name,
    releases: since('4.0'),
    body: (call) => {
      if (call.seq) call.seq.text += text(call);
      return 0;
    },
  };
}
