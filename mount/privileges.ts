/** What this process may do. */
import { readFileSync, statSync } from 'node:fs';
import process from 'node:process';
import { programsNamed } from './programs.ts';

/** Source: include/uapi/linux/capability.h. */
const CAP_SYS_ADMIN = 21n;
/** Source: include/uapi/linux/stat.h. */
const S_ISUID = 0o4000;

/**
 * Whether mount(8) and unshare(1) do for it what mount(2) and unshare(2) allow with CAP_SYS_ADMIN:
 * mount(8) asks for uid 0 as well, and any other user who executes them loses the capability.
 * Source: libmount's mnt_new_context(); capabilities(7), execve(2).
 */
export function mayMount(): boolean {
  return process.getuid?.() === 0 && hasSysAdmin('CapEff');
}

/** Whether fusermount, which mounts for users, can become root and mount for this process. */
export function mayUseFusermount(): boolean {
  return (
    hasSysAdmin('CapBnd') &&
    statusOf('NoNewPrivs') !== '1' &&
    programsNamed('fusermount3').some(isSetUserId)
  );
}

function hasSysAdmin(set: 'CapEff' | 'CapBnd'): boolean {
  return ((BigInt(`0x${statusOf(set)}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

/** Source: proc(5), /proc/pid/status. */
function statusOf(field: string): string {
  const status = readFileSync('/proc/self/status', 'utf8');
  return new RegExp(`^${field}:\\s*(\\w+)`, 'm').exec(status)?.[1] ?? '0';
}

function isSetUserId(path: string): boolean {
  const { mode, uid } = statSync(path);
  return (mode & S_ISUID) !== 0 && uid === 0;
}
