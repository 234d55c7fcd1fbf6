/**
 * /proc/PID/stat: a task as 52 fields on one line.
 *
 * Times that it used, faults and addresses are 0: the machine keeps no account of them.
 *
 * Source: fs/proc/array.c:do_task_stat().
 */
import { isIn, type ReleaseSpan, since } from '../abi/release.ts';
import { USER_TICK_NS } from '../engine/clock.ts';
import type { Kernel } from '../engine/kernel.ts';
import { isLeader, threadsOf } from '../engine/sched/family.ts';
import { commOf, cpuOf, pidOf, runStateOf, startNsOf, type Task } from '../engine/sched/task.ts';
import {
  isKthread,
  isKthreadd,
  isWorker,
  parentPidOf,
  sessionIdOf,
  stateOf,
} from './procIdentity.ts';
import { wchanOf } from './procStack.ts';

/** Source: include/linux/sched.h. */
const PF_WQ_WORKER = 0x20;
const PF_FORKNOEXEC = 0x40;
const PF_NOFREEZE = 0x8000;
const PF_KTHREAD = 0x20_0000;
const PF_RANDOMIZE = 0x40_0000;
const PF_NO_SETAFFINITY = 0x400_0000;

const SIGCHLD = 17;
/** RLIM_INFINITY of 64 bits, which is no number of JavaScript. */
const UNLIMITED = '18446744073709551615';
/** Signals that every kthread ignores: the low 31 bits of all. */
const ALL_SIGNALS = 0x7fff_ffff;

interface WchanField {
  readonly releases: ReleaseSpan;
  /** For people: when field 35 is 1. */
  readonly what: string;
  readonly isSet: (kernel: Kernel, task: Task) => boolean;
}

/** Field 35; the last row whose span holds a release is its own. Source: do_task_stat(). */
export const WCHAN_FIELDS: readonly WchanField[] = [
  {
    releases: since('4.0'),
    what: 'the task has a wchan',
    isSet: (kernel, task) => wchanOf(kernel, task) !== undefined,
  },
  {
    releases: since('5.16'),
    what: 'the task is not runnable',
    isSet: ({ tasks }, task) => runStateOf(tasks, task) !== 'runnable',
  },
];

export function showStat(kernel: Kernel, task: Task): string {
  return formatStat(kernel, task, hasWchan(kernel, task) ? 1 : 0);
}

/** Without what only those learn who may trace it. Source: do_task_stat(), `permitted`. */
export function showStatToOthers(kernel: Kernel, task: Task): string {
  return formatStat(kernel, task, 0);
}

// biome-ignore format: one line for each group of fields, as numbered in proc(5)
function formatStat(kernel: Kernel, task: Task, wchan: 0 | 1): string {
  const { tasks } = kernel;
  const session = sessionIdOf(kernel, task);
  const [state] = stateOf(kernel, task);
  const fields = [
    /*  1 */ pidOf(tasks, task), `(${commOf(tasks, task)})`, state,
    /*  4 */ parentPidOf(kernel, task), session, session,
    /*  7 tty_nr, tpgid */ 0, -1,
    /*  9 */ flagsOf(kernel, task),
    /* 10 minflt, cminflt, majflt, cmajflt */ 0, 0, 0, 0,
    /* 14 utime, stime, cutime, cstime */ 0, 0, 0, 0,
    /* 18 priority, nice, num_threads, itrealvalue */ 20, 0, threadsOf(tasks, task).length, 0,
    /* 22 starttime */ Math.floor(startNsOf(tasks, task) / USER_TICK_NS),
    /* 23 vsize, rss, rsslim */ 0, 0, UNLIMITED,
    /* 26 startcode, endcode, startstack, kstkesp, kstkeip */ 0, 0, 0, 0, 0,
    /* 31 signal, blocked, sigignore, sigcatch */ 0, 0, isKthread(tasks, task) ? ALL_SIGNALS : 0, 0,
    /* 35 wchan, nswap, cnswap */ wchan, 0, 0,
    /* 38 exit_signal, processor */ exitSignalOf(kernel, task), cpuOf(tasks, task),
    /* 40 rt_priority, policy, delayacct_blkio_ticks, guest_time, cguest_time */ 0, 0, 0, 0, 0,
    /* 45 start_data, end_data, start_brk, arg_start, arg_end, env_start, env_end */ 0, 0, 0, 0, 0, 0, 0,
    /* 52 exit_code */ 0,
  ];
  return `${fields.join(' ')}\n`;
}

/** -1 for threads whose end their parent is not told of. */
function exitSignalOf(kernel: Kernel, task: Task): number {
  if (!isLeader(kernel.tasks, task)) return -1;
  return isKthreadd(kernel, task) ? 0 : SIGCHLD;
}

function flagsOf(kernel: Kernel, task: Task): number {
  if (!isKthread(kernel.tasks, task)) return PF_RANDOMIZE;
  const kthread = PF_KTHREAD | PF_NOFREEZE | PF_FORKNOEXEC;
  return isWorker(kernel, task) ? kthread | PF_NO_SETAFFINITY | PF_WQ_WORKER : kthread;
}

function hasWchan(kernel: Kernel, task: Task): boolean {
  const { release } = kernel.config;
  const row = WCHAN_FIELDS.findLast(({ releases }) => isIn(release, releases));
  return row?.isSet(kernel, task) ?? false;
}
