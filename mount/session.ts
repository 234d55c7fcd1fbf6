/** The life of a mount: from an empty directory to the moment when the kernel has let go of it. */
import type { FileSystem } from './fileSystem.ts';
import { prepareMountPoint, requireFuse } from './mountPoint.ts';
import type { Connection, MountOptions, Transport } from './transport.ts';
import { type UnmountManner, unmountDirectory } from './unmount.ts';

/** Why a mount is gone: we unmounted it, or somebody else did. */
export type ClosedReason = 'unmounted' | 'unmounted-by-others';

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

  let reason: ClosedReason = 'unmounted-by-others';
  const closed = connection.ended.then(() => reason);
  return {
    directory,
    recovered,
    caches: connection.caches,
    closed,
    unmount: async (manner) => {
      const before = reason;
      reason = 'unmounted';
      await unmountDirectory(directory, manner).catch((error) => {
        reason = before;
        throw error;
      });
      if (manner === 'plain') await closed;
    },
  };
}
