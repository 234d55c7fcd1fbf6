/**
 * Differences that no recording shows. Each expression was tried on the recorded kernel, too.
 *
 * Each key is a row of docs/differences.md, which gives the reason.
 */
import type { Transport } from '../../mount/transport.ts';

export interface Tried {
  readonly key: string;
  /** In the Python of `test/mount/mounted.ts`; `f` is an open attribute. */
  readonly expression: string;
  readonly linux: string;
  readonly klpfs: string;
  /** Over this one alone; over all, unless said. */
  readonly transport?: Transport['name'];
}

// biome-ignore format: the columns are the point
export const TRIED: readonly Tried[] = [
  { key: 'private-mmap', expression: "mmap.mmap(opened['f'], 4096, mmap.MAP_PRIVATE, mmap.PROT_READ)[:2]", linux: 'ENODEV', klpfs: "b'1\\n'" },
  { key: 'seek-limit',   expression: "os.lseek(opened['f'], 2**62, os.SEEK_SET)",                          linux: 'EINVAL', klpfs: String(2n ** 62n) },
  { key: 'utimes',       expression: "[os.utime(opened['f'], ns=(10**18, 2 * 10**18)), os.stat(opened['f']).st_mtime_ns][1]", linux: '2000000000000000000', klpfs: '1000000000000000000', transport: 'fuse-native' },
  { key: 'time-precision', expression: "[os.utime(opened['f'], ns=(10**18, 10**18 + 123456789)), os.stat(opened['f']).st_mtime_ns][1] % 10**9", linux: '123456789', klpfs: '123457000', transport: 'devfuse' },
];

/** Differences that tests in other folders prove: the key, and the file that holds its test. */
export const PROVED_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['kmsg-readers', 'test/tools/shim.test.ts'],
  ['errno-range', 'test/tools/kmod.test.ts'],
  ['tool-files', 'test/tools/kmod.test.ts'],
  ['tool-help', 'test/tools/kmod.test.ts'],
  ['forced-removal', 'test/tools/kmod.test.ts'],
  ['dmesg-options', 'test/tools/dmesg.test.ts'],
  ['kmsg-file', 'test/sysfs/kmsg.test.ts'],
  ['log-times', 'test/sysfs/kmsg.test.ts'],
  ['code-layout', 'test/sysfs/proc.test.ts'],
  ['blocked-readers', 'test/mount/blocking.test.ts'],
  ['blocked-writers', 'test/daemon/clients.test.ts'],
  ['same-file-writers', 'test/daemon/clients.test.ts'],
  ['proc-numbers', 'test/sysfs/procTask.test.ts'],
  ['comm-writers', 'test/daemon/ps.test.ts'],
  ['addresses', 'test/sysfs/callers.test.ts'],
  ['owner', 'test/cli/mount.test.ts'],
  ['debug-sites', 'test/sysfs/dynamicDebug.test.ts'],
  ['kworkers', 'test/daemon/ps.test.ts'],
  ['mknod', 'test/mount/namespace.test.ts'],
  ['odd-results', 'test/engine/callbacks.test.ts'],
  ['trace-calls', 'test/sysfs/tracing.test.ts'],
  ['trace-lines', 'test/sysfs/tracing.test.ts'],
  ['replay-left-out', 'test/modules/shadow.test.ts'],
  ['tracing-files', 'test/sysfs/tracing.test.ts'],
  ['filter-words', 'test/sysfs/tracing.test.ts'],
  ['kprobe-places', 'test/sysfs/kprobes.test.ts'],
]);
