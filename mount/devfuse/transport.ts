/**
 * The transport that speaks FUSE's protocol itself: no addon, and all that the kernel tells.
 */
import type { FileSystem } from '../fileSystem.ts';
import type { Connection, MountOptions, Transport } from '../transport.ts';
import { mountDevice } from './device.ts';
import { epollReader } from './epollReader.ts';
import { poolReader } from './poolReader.ts';
import { createServer } from './server.ts';

export const devfuse: Transport = {
  name: 'devfuse',
  capabilities: { poll: true, invalidate: true, caller: true, interrupt: true },
  mount: mountAndServe,
};

async function mountAndServe(
  directory: string,
  fileSystem: FileSystem,
  options: MountOptions,
): Promise<Connection> {
  const fd = await mountDevice(directory, options);
  return serve(fd, fileSystem);
}

/** Serves a mount by its device, until the kernel lets go. */
export function serve(fd: number, fileSystem: FileSystem): Connection {
  const server = createServer(fileSystem, fd);
  const read = epollReader() ?? poolReader;
  return { ended: read(fd, server).catch(fileSystem.onBug), caches: server.caches };
}
