/**
 * The transport over fuse-native 2.2.6 (libfuse 2.9): works everywhere, tells us little.
 *
 * Not told: who asks, signals to clients, poll(2), the end of the mount. The end shows in our file
 * descriptors: libfuse closes its /dev/fuse as soon as the kernel has let go.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { assert } from '../../src/abi/errno.ts';
import type { FileSystem } from '../fileSystem.ts';
import { MountError } from '../mountError.ts';
import type { Connection, MountOptions, Transport } from '../transport.ts';
import type { FuseNative, FuseOperations } from './binding.ts';
import { loadFuseNative } from './load.ts';
import { fuseOperations } from './operations.ts';
import { readXattrsInBounds } from './xattrs.ts';

/** How often we look whether the mount is still served. Takes some microseconds. */
const WATCH_MS = 100;

const DEVICE = '/dev/fuse';

/**
 * Smuggles in what fuse-native has no option for, or drops because it is 0.
 * direct_io: sizes are not lengths, and writes come in up to 128 KiB (32 pages) at a time. use_ino:
 * our inode numbers, in listings too. atomic_o_trunc: O_TRUNC comes with the open.
 */
function fsname(timeoutS: number): string {
  return [
    'klpfs',
    'subtype=klpfs',
    'direct_io',
    `attr_timeout=${timeoutS}`,
    `entry_timeout=${timeoutS}`,
    'negative_timeout=0',
    'use_ino',
    'atomic_o_trunc',
  ].join(',');
}

/** Mounts by libfuse 2, one directory after the other; several may be mounted at a time. */
export const fuseNative: Transport = rememberingFuseNative(0);

/**
 * The same, but the kernel remembers names and attributes for so many seconds. Nothing tells it
 * when they change before: only for comparing speeds.
 */
export function rememberingFuseNative(timeoutS: number): Transport {
  return {
    name: 'fuse-native',
    way: 'libfuse 2',
    missing: () => undefined,
    capabilities: { poll: false, invalidate: false, caller: false, interrupt: false },
    mount: (directory, fileSystem, options) => {
      const mounting = lastMount.then(() =>
        mountAlone(directory, fileSystem, { ...options, timeoutS }),
      );
      lastMount = mounting.catch(() => {});
      return mounting;
    },
  };
}

/** The last mount that was begun: each finds its descriptor by what has come since. */
let lastMount: Promise<unknown> = Promise.resolve();

interface FuseNativeOptions extends MountOptions {
  readonly timeoutS: number;
}

async function mountAlone(
  directory: string,
  fileSystem: FileSystem,
  options: FuseNativeOptions,
): Promise<Connection> {
  const fuse = createFuse(directory, fuseOperations(fileSystem), options);
  const earlier = new Set(deviceDescriptors());
  await new Promise<void>((resolve, reject) => {
    fuse.mount((error) => {
      if (error) reject(refused(directory, error));
      else resolve();
    });
  });
  const descriptor = deviceDescriptors().find((fd) => !earlier.has(fd));
  assert(descriptor !== undefined, 'libfuse has mounted without opening /dev/fuse');
  return {
    ended: waitForEnd(fuse, descriptor),
    caches: { nameChanged: () => {}, attributesChanged: () => {} },
  };
}

function createFuse(
  directory: string,
  operations: FuseOperations,
  { allowOther, timeoutS }: FuseNativeOptions,
): FuseNative {
  const Fuse = loadFuseNative();
  const fuse = new Fuse(directory, operations, {
    fsname: fsname(timeoutS),
    allowOther,
    defaultPermissions: true,
    timeout: false,
  });
  return readXattrsInBounds(fuse, operations);
}

function refused(directory: string, cause: Error): MountError {
  return new MountError(
    'refused',
    `the system refused to mount on ${directory} (${cause.message}); libfuse's line above says why`,
    { cause },
  );
}

/** Resolves when the descriptor is closed, after letting go of what keeps this process running. */
function waitForEnd(fuse: FuseNative, descriptor: string): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (isDevice(descriptor)) return;
      clearInterval(timer);
      fuse.unmount(() => resolve());
    }, WATCH_MS);
  });
}

function deviceDescriptors(): string[] {
  return readdirSync('/proc/self/fd').filter(isDevice);
}

function isDevice(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`) === DEVICE;
  } catch {
    return false;
  }
}
