/** The life of a mount: from an empty directory to the moment when the kernel has let go of it. */
import type { PassedMount } from './descriptor.ts';
import { type DeviceConnection, serve } from './devfuse/transport.ts';
import type { FileSystem } from './fileSystem.ts';
import { MountError, type MountProblem } from './mountError.ts';
import { prepareMountPoint, requireFuse } from './mountPoint.ts';
import type { Connection, MountOptions, Transport } from './transport.ts';
import { type UnmountManner, unmountDirectory } from './unmount.ts';

/** Why a mount is gone: we unmounted it, or somebody else did, or it is there and nobody serves it. */
export type ClosedReason = 'unmounted' | 'unmounted-by-others' | 'left-to-others';

/** An unmount that we are not allowed, or not able to. */
const LEFT_TO_OTHERS: ReadonlySet<MountProblem> = new Set(['refused', 'no-fusermount']);

/** A mounted file system. */
export interface Session {
  /** The real path of the mount point. */
  readonly directory: string;
  /** A mount of a daemon that had died was taken away first. */
  readonly recovered: boolean;
  readonly caches: Connection['caches'];
  /** Resolves when the kernel has let go; a lazy unmount waits for the last open file. */
  readonly closed: Promise<ClosedReason>;
  /** Resolves when the directory is free again. Throws `MountError`, `busy` with the holders. */
  unmount(manner: UnmountManner): Promise<void>;
}

/** Mounts a file system on an empty directory. Throws `MountError` when that cannot be. */
export async function mount(
  path: string,
  fileSystem: FileSystem,
  { transport, ...options }: MountOptions & { readonly transport: Transport },
): Promise<Session> {
  await requireFuse();
  const { directory, recovered } = await prepareMountPoint(path);
  const connection = await transport.mount(directory, fileSystem, options);
  return sessionOf({ directory, recovered, connection, unmount: unmountAlone });
}

/**
 * Serves what somebody else has mounted. He may be the only one who can unmount it: all that is left
 * to us is then to let go.
 */
export function adopt({ fd, directory }: PassedMount, fileSystem: FileSystem): Session {
  const connection = serve(fd, fileSystem);
  return sessionOf({
    directory,
    recovered: false,
    connection,
    unmount: unmountOrLetGo(connection),
  });
}

function unmountOrLetGo({ letGo }: DeviceConnection): typeof unmountAlone {
  return async (directory, manner) => {
    try {
      return await unmountAlone(directory, manner);
    } catch (error) {
      if (!(error instanceof MountError && LEFT_TO_OTHERS.has(error.problem))) throw error;
      letGo();
      return 'left-to-others';
    }
  };
}

async function unmountAlone(directory: string, manner: UnmountManner): Promise<ClosedReason> {
  await unmountDirectory(directory, manner);
  return 'unmounted';
}

interface Mounted {
  readonly directory: string;
  readonly recovered: boolean;
  readonly connection: Connection;
  readonly unmount: typeof unmountAlone;
}

function sessionOf({ directory, recovered, connection, unmount }: Mounted): Session {
  let reason: ClosedReason = 'unmounted-by-others';
  const closed = connection.ended.then(() => reason);
  return {
    directory,
    recovered,
    caches: connection.caches,
    closed,
    unmount: async (manner) => {
      const before = reason;
      // Before it is, for the kernel may let go at once.
      reason = 'unmounted';
      reason = await unmount(directory, manner).catch((error) => {
        reason = before;
        throw error;
      });
      if (manner === 'plain') await closed;
    },
  };
}
