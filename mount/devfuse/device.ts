/** A /dev/fuse that is mounted, opened by this very process. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { assert } from '../../src/abi/errno.ts';
import { MountError } from '../mountError.ts';
import { MOUNT_TYPE } from '../mountInfo.ts';
import type { MountOptions } from '../transport.ts';
import { MAX_WRITE_BYTES } from './connectionOperations.ts';

/** What mount(8) finds as descriptor 3. */
const DEVICE_FD = 3;

/**
 * Options of a mount whose device is a descriptor of whoever mounts.
 * Source: fs/fuse/inode.c:fuse_fs_parameters[]; libfuse's lib/mount.c.
 */
export function mountOptions(fd: number, { allowOther }: MountOptions): string {
  return [
    `fd=${fd}`,
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

/** Opens the device and mounts it by mount(8). Throws `MountError`. */
export async function mountDevice(directory: string, options: MountOptions): Promise<number> {
  const fd = openSync('/dev/fuse', 'r+');
  try {
    await runMount(directory, mountOptions(DEVICE_FD, options), fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** `-i`: no mount.fuse, which would look for a program to start. */
async function runMount(directory: string, options: string, fd: number): Promise<void> {
  const args = ['-i', '-t', MOUNT_TYPE, '-o', options, '--', 'klpfs', directory];
  const child = spawn('mount', args, {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  assert(child.stderr, 'stderr is a pipe');
  const [status, complaints] = await Promise.all([ended, text(child.stderr)]);
  if (status !== 0) {
    throw new MountError('refused', `the system refused to mount: ${complaints.trim()}`);
  }
}
