/**
 * What the machine as a whole is doing: /proc/stat, /proc/loadavg,
 * /proc/cpuinfo, /proc/sys/kernel/pid_max.
 *
 * Whoever reads these is a process, too, and runs.
 */
import { USER_TICK_NS } from '../engine/clock.ts';
import type { Kernel } from '../engine/kernel.ts';
import { countInState } from '../engine/sched/pass.ts';

const READER = 1;

/** softirq: the sum, and one for each vector. Source: NR_SOFTIRQS. */
const SOFTIRQS = '0 0 0 0 0 0 0 0 0 0 0';

/**
 * All time of cpus that are online is idle, as /proc/uptime has it; interrupts and context switches, which the machine does
 * not count, are 0.
 *
 * Source: fs/proc/stat.c:show_stat().
 */
export function showMachineStat(kernel: Kernel): string {
  const { clock, tasks } = kernel;
  const cpus = kernel.cpus.filter(({ online }) => online);
  const idle = Math.floor(clock.nowNs / USER_TICK_NS);
  const lines = [
    `cpu  ${cpuTimes(idle * cpus.length)}`,
    ...cpus.map(({ id }) => `cpu${id} ${cpuTimes(idle)}`),
    'intr 0',
    'ctxt 0',
    `btime ${Math.floor(clock.bootTimeMs / 1000)}`,
    `processes ${tasks.byPid.size}`,
    `procs_running ${countInState(kernel.tasks, 'runnable') + READER}`,
    'procs_blocked 0',
    `softirq ${SOFTIRQS}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice. */
function cpuTimes(idle: number): string {
  return `0 0 0 ${idle} 0 0 0 0 0 0`;
}

/**
 * Which cpus are online, each a core of the only package; what kind they are is left out.
 *
 * Source: arch/x86/kernel/cpu/proc.c:show_cpuinfo().
 */
export function showCpuinfo(kernel: Kernel): string {
  const cpus = kernel.cpus.filter(({ online }) => online);
  const count = cpus.length;
  return cpus
    .map(({ id }) =>
      [
        `processor\t: ${id}`,
        'physical id\t: 0',
        `siblings\t: ${count}`,
        `core id\t\t: ${id}`,
        `cpu cores\t: ${count}`,
        '\n',
      ].join('\n'),
    )
    .join('');
}

/** The averages stay 0: the machine does not keep any. Source: fs/proc/loadavg.c. */
export function showLoadAverage(kernel: Kernel): string {
  const { byPid, nextPid } = kernel.tasks;
  const running = countInState(kernel.tasks, 'runnable') + READER;
  return `0.00 0.00 0.00 ${running}/${byPid.size + READER} ${nextPid - 1}\n`;
}

/** PID_MAX_DEFAULT and PID_MAX_LIMIT. Source: include/linux/threads.h. */
const PID_MAX_DEFAULT = 32_768;
const PID_MAX_LIMIT = 4_194_304;

/** A machine with more tasks than fit has the limit raised. */
export function showPidMax({ tasks }: Kernel): string {
  return `${tasks.nextPid > PID_MAX_DEFAULT ? PID_MAX_LIMIT : PID_MAX_DEFAULT}\n`;
}
