/**
 * Who is measured: klpfs, and what it is compared with. A row each.
 *
 * All but lxcfs and the real kernel have the same tree and the same text in its files.
 */
import { join } from 'node:path';
import { type Bench, newDirectory, type Server } from './bench.ts';
import { startMachine, type TransportName } from './machine.ts';
import { KLPFS } from './measured.ts';
import { SCRIPTS } from './program.ts';
import { type Serving, startServer } from './server.ts';
import { build } from './tools.ts';

/** The kernel's own, without FUSE. */
export const REAL_SYSFS = 'real sysfs';
const FUSE_NATIVE = `${KLPFS} over fuse-native`;
/** Where the kernel remembers for a second. */
export const FUSE_NATIVE_1_S = `${FUSE_NATIVE}, 1 s`;

export interface Paths {
  /** An attribute whose text takes no effort. */
  readonly attribute: string;
  /** A file two levels down. */
  readonly shallow: string;
  /** A file six levels down. */
  readonly deep?: string;
  /** An attribute that may be written to. */
  readonly writable?: string;
}

export interface Peer {
  readonly name: string;
  /** Starts nobody where the kernel itself serves. */
  readonly serve: (bench: Bench) => Promise<Server | undefined>;
  readonly paths: Paths;
  /** Left out where we are not. */
  readonly needs?: 'root';
}

/** 6.1 has a file six levels down; with one cpu the first patch is in place when the second comes. */
const MACHINE = 'release: "6.1"\ncpus: 1\nload: [livepatch-sample, livepatch-callbacks-demo]\n';

const TREE: Paths = {
  attribute: 'sys/kernel/livepatch/livepatch_sample/enabled',
  shallow: 'proc/cmdline',
  deep: 'sys/kernel/livepatch/livepatch_sample/vmlinux/patched',
  writable: 'sys/module/livepatch_callbacks_demo/parameters/pre_patch_ret',
};

/** Nothing there can be written to without changing this computer. */
const REAL_TREE: Paths = {
  attribute: '/sys/kernel/fscaps',
  shallow: '/sys/kernel/fscaps',
  deep: '/sys/devices/system/cpu/cpu0/topology/core_id',
};

const LXCFS_TREE: Paths = { attribute: 'proc/uptime', shallow: 'proc/uptime' };

export const PEERS: readonly Peer[] = [
  { name: REAL_SYSFS, serve: async () => undefined, paths: REAL_TREE },
  { name: 'C', serve: helloInC('-s'), paths: TREE },
  { name: 'C, 1 s', serve: helloInC('-s', '--timeout=1'), paths: TREE },
  { name: 'C, threads', serve: helloInC(), paths: TREE },
  { name: 'lxcfs', serve: lxcfs, paths: LXCFS_TREE, needs: 'root' },
  { name: 'pyfuse3', serve: helloInPython, paths: TREE },
  { name: KLPFS, serve: klpfs('auto'), paths: TREE },
  { name: FUSE_NATIVE, serve: klpfs('fuse-native'), paths: TREE },
  { name: FUSE_NATIVE_1_S, serve: klpfs('fuse-native, 1 s'), paths: TREE },
];

function klpfs(transport: TransportName) {
  return (bench: Bench) => startMachine(bench, MACHINE, transport);
}

function helloInC(...options: string[]) {
  return async (bench: Bench) => {
    const hello = await build(bench, 'hello', ['fuse3']);
    return serveBy(bench, TREE, (directory) => [hello, directory, '-f', ...options]);
  };
}

function helloInPython(bench: Bench): Promise<Server> {
  const hello = join(SCRIPTS, 'peers/hello.py');
  // Debian's own, which has Debian's pyfuse3; another python3 may come first in the path.
  return serveBy(bench, TREE, (directory) => ['/usr/bin/python3', hello, directory]);
}

/** On a directory of its own, beside one that may serve this system. */
function lxcfs(bench: Bench): Promise<Server> {
  const pidFile = join(newDirectory(bench, 'lxcfs'), 'pid');
  return serveBy(bench, LXCFS_TREE, (directory) => ['lxcfs', '-f', '-p', pidFile, directory]);
}

function serveBy(bench: Bench, { attribute }: Paths, command: Serving['command']) {
  return startServer(bench, { command, answersAt: attribute }, 'ignore');
}
