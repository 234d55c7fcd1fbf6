/** The host's own procfs, and what it says of processes. */
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { BEHIND_MERGED } from '../abi/mergedProc.ts';

export interface HostProcess {
  readonly pid: number;
  readonly comm: string;
  /** A letter, as in /proc/PID/stat. */
  readonly state: string;
  readonly parentPid: number;
  /** Tells it from others that have its pid before or after. */
  readonly start: string;
}

/** procfs itself, even for a machine within a machine. */
export function findHostProc(): string {
  return existsSync(`${BEHIND_MERGED}/self`) ? BEHIND_MERGED : '/proc';
}

/** A process, or a thread; undefined if there is none. Source: proc(5), /proc/pid/stat. */
export function readProcess(proc: string, pid: number): HostProcess | undefined {
  const stat = readIfThere(`${proc}/${pid}/stat`);
  if (stat === undefined) return undefined;
  const end = stat.lastIndexOf(')');
  const fields = stat.slice(end + 2).split(' ');
  const [state = '', parentPid = ''] = fields;
  return {
    pid,
    comm: stat.slice(stat.indexOf('(') + 1, end),
    state,
    parentPid: Number(parentPid),
    start: fields[START_FIELD] ?? '',
  };
}

/** starttime is the 22nd field, the state the third. */
const START_FIELD = 22 - 3;

/** The process of a thread. */
export function readTgid(proc: string, pid: number): number | undefined {
  const status = readIfThere(`${proc}/${pid}/status`) ?? '';
  const [, tgid] = /^Tgid:\s*(\d+)/m.exec(status) ?? [];
  return tgid === undefined ? undefined : Number(tgid);
}

/** Of a process; none if it has gone. */
export function listThreads(proc: string, pid: number): number[] {
  return listNames(`${proc}/${pid}/task`).map(Number);
}

/** Of a process and its threads, where the kernel says so. Source: CONFIG_PROC_CHILDREN. */
export function listChildren(proc: string, pid: number): number[] {
  return listThreads(proc, pid).flatMap((thread) => {
    const children = readIfThere(`${proc}/${pid}/task/${thread}/children`) ?? '';
    return children.split(' ').filter(Boolean).map(Number);
  });
}

export function listProcesses(proc: string): number[] {
  return listNames(proc)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** A mount namespace by its inode number; undefined where one may not know. */
export function mountNamespaceOf(proc: string, pid: number | 'self'): number | undefined {
  return ifThere(() => statSync(`${proc}/${pid}/ns/mnt`).ino);
}

export function listNames(directory: string): string[] {
  return ifThere(() => readdirSync(directory)) ?? [];
}

export function readLink(path: string): string | undefined {
  return ifThere(() => readlinkSync(path));
}

function readIfThere(path: string): string | undefined {
  return ifThere(() => readFileSync(path, 'utf8'));
}

/** What others run may end at any moment, and may be none of our business. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && GONE.includes(error.code)) return undefined;
    throw error;
  }
}

const GONE: readonly unknown[] = ['ENOENT', 'ESRCH', 'ENOTDIR', 'EACCES', 'EPERM'];
