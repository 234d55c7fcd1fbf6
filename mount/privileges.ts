/** What this process may do. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

/** Source: include/uapi/linux/capability.h. */
const CAP_SYS_ADMIN = 21n;
/** Source: include/uapi/linux/stat.h. */
const S_ISUID = 0o4000;

/** Whether mount(2) and unshare(2) are open to it, as far as capabilities tell. */
export function mayMount(): boolean {
  return hasSysAdmin('CapEff');
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

function programsNamed(name: string): string[] {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return directories.map((directory) => join(directory, name)).filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isSetUserId(path: string): boolean {
  const { mode, uid } = statSync(path);
  return (mode & S_ISUID) !== 0 && uid === 0;
}
