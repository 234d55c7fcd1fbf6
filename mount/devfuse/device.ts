/** A /dev/fuse of this very process, which a program mounts for it. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { assert } from '../../src/abi/errno.ts';
import { MountError } from '../mountError.ts';

/** Where the program finds the device. */
export const DEVICE_FD = 3;

/** Opens the device, and runs a program that mounts it. Throws `MountError` with its complaints. */
export async function mountDevice(program: string, args: readonly string[]): Promise<number> {
  const fd = openSync('/dev/fuse', 'r+');
  try {
    await runMounter(program, args, fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

async function runMounter(program: string, args: readonly string[], fd: number): Promise<void> {
  const child = spawn(program, args, {
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
