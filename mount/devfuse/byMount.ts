/** mount(8) mounts our device: for root, be it of a user namespace. */
import process from 'node:process';
import { MOUNT_TYPE } from '../mountInfo.ts';
import type { MountOptions } from '../transport.ts';
import { MAX_WRITE_BYTES } from './connectionOperations.ts';
import { DEVICE_FD, mountDevice } from './device.ts';

/** `-i`: no mount.fuse, which would look for a program to start. */
export function mountByMount(directory: string, options: MountOptions): Promise<number> {
  const list = optionList(options);
  return mountDevice('mount', ['-i', '-t', MOUNT_TYPE, '-o', list, '--', 'klpfs', directory]);
}

/**
 * Options of a mount whose device is a descriptor of whoever mounts; ids are those of its user
 * namespace. Source: fs/fuse/inode.c:fuse_fs_parameters[]; libfuse's lib/mount.c.
 */
function optionList({ allowOther }: MountOptions): string {
  return [
    `fd=${DEVICE_FD}`,
    'rootmode=40000',
    `user_id=${process.geteuid?.()}`,
    `group_id=${process.getegid?.()}`,
    'default_permissions',
    `max_read=${MAX_WRITE_BYTES}`,
    ...(allowOther ? ['allow_other'] : []),
    'nosuid',
    'nodev',
  ].join(',');
}
