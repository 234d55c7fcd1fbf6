/**
 * The transport that speaks FUSE's protocol itself: no addon, and all that the kernel tells.
 */
import type { FileSystem } from '../fileSystem.ts';
import type { Connection, Transport } from '../transport.ts';
import { epollReader } from './epollReader.ts';
import { poolReader } from './poolReader.ts';
import type { DeviceReader } from './reader.ts';
import { createServer } from './server.ts';
import { WAYS, type Way } from './ways.ts';

/** Once for each way to mount, the best first. */
export const devfuse: readonly Transport[] = WAYS.map(transportBy);

function transportBy({ name: way, missing, mount }: Way): Transport {
  return {
    name: 'devfuse',
    way,
    capabilities: { poll: true, invalidate: true, caller: true, interrupt: true },
    missing,
    mount: async (directory, fileSystem, options) =>
      serve(await mount(directory, options), fileSystem),
  };
}

/** A connection whose device is ours to close. */
export interface DeviceConnection extends Connection {
  /** Closes the device; the mount stays, and its clients are told ENOTCONN. */
  readonly letGo: () => void;
}

/** Serves a mount by its device, until the kernel lets go. */
export function serve(
  fd: number,
  fileSystem: FileSystem,
  read: DeviceReader = epollReader() ?? poolReader,
): DeviceConnection {
  const server = createServer(fileSystem, fd);
  const letting = new AbortController();
  const ended = read(fd, { ...server, letGo: letting.signal }).catch(fileSystem.onBug);
  return { ended, caches: server.caches, letGo: () => letting.abort() };
}
