/** What a command sees of the machine, at Linux's own paths. Each is at the same path in a mount. */

/**
 * Whole directories where they can be: what the machine makes there later is seen as well, such as
 * /sys/kernel/debug/kprobes.
 */
export const TARGETS: readonly string[] = [
  '/sys/kernel/livepatch',
  '/sys/kernel/tracing',
  '/sys/kernel/debug',
  '/sys/module',
  '/proc/sys/kernel/ftrace_enabled',
  '/proc/sys/kernel/tainted',
  '/dev/kmsg',
];

/** What is shown besides in the host's /proc, where that is to stay. */
export const PROC_TARGETS: readonly string[] = [
  '/proc/dynamic_debug',
  '/proc/cmdline',
  '/proc/kallsyms',
  '/proc/meminfo',
  '/proc/modules',
  '/proc/version',
];

/**
 * What a module of the machine may make beside the real kernel's own files.
 *
 * Source: tools/testing/selftests/livepatch/test_modules/test_klp_syscall.c:livepatch_init() (6.10).
 */
export const LATER_TARGETS: readonly string[] = ['/sys/kernel/test_klp_syscall'];
