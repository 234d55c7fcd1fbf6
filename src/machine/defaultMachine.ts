/**
 * The machine that runs when nobody describes one: a small server.
 *
 * Its kthreads have the pids of a 4.15 machine with two cpus. The gaps are kworkers', which the
 * kernel makes itself: 3 to 6 are theirs.
 */
import { between, isIn, type Release, type ReleaseSpan } from '../abi/release.ts';
import type { MachineDescription, TaskDescription } from './description.ts';
import type { StepDescription } from './program.ts';
import { VMLINUX_SYMBOLS } from './vmlinuxSymbols.ts';

/** Where the kthreads of cpus beyond the second begin: behind everything else. */
const MORE_CPUS_FIRST_PID = 61;

/** The default machine of a release, with so many cpus. */
export function createDefaultMachine(release: Release, cpus: number): MachineDescription {
  return {
    release,
    cpus,
    seed: 1,
    clock: 'real',
    speed: 1,
    reliable_stacktrace: true,
    cmdline: `BOOT_IMAGE=/boot/vmlinuz-${release}.0 root=/dev/sda1 ro quiet`,
    symbols: { vmlinux: [...VMLINUX_SYMBOLS] },
    modules: [],
    tasks: defaultTasks(release, cpus),
    interrupts: [],
    load: [],
  };
}

function defaultTasks(release: Release, cpus: number): TaskDescription[] {
  const all = [...KTHREADS, ...SERVICES, ...moreCpuThreads(cpus)];
  return all
    .filter(({ cpu }) => cpu === undefined || cpu < cpus)
    .filter(({ comm }) => GONE.every(({ name, span }) => !name.test(comm) || isIn(release, span)));
}

/** Kthreads that later releases no longer have. */
export const GONE: readonly { readonly name: RegExp; readonly span: ReleaseSpan }[] = [
  { name: /^watchdog\/\d+$/, span: between('4.0', '4.19') },
  { name: /^rcu_bh$/, span: between('4.0', '4.20') },
];

const KTHREADS: readonly TaskDescription[] = [
  {
    comm: 'systemd',
    pid: 1,
    program: [{ sleep_in: ['do_epoll_wait', 'ep_poll', 'schedule'], for: '30s' }],
  },
  { comm: 'kthreadd', pid: 2, kthread: true, program: [{ sleep_in: ['kthreadd', 'schedule'] }] },
  perCpuThread('ksoftirqd', 0, 7),
  kthread('rcu_sched', 8, 'rcu_gp_kthread'),
  kthread('rcu_bh', 9, 'rcu_gp_kthread'),
  perCpuThread('migration', 0, 10),
  perCpuThread('watchdog', 0, 11),
  perCpuThread('cpuhp', 0, 12),
  perCpuThread('cpuhp', 1, 13),
  perCpuThread('watchdog', 1, 14),
  perCpuThread('migration', 1, 15),
  perCpuThread('ksoftirqd', 1, 16),
  kthread('kdevtmpfs', 19, 'devtmpfsd'),
  kthread('netns', 20, 'rescuer_thread'),
  kthread('rcu_tasks_kthre', 21, 'rcu_tasks_kthread', '1s'),
  kthread('kauditd', 22, 'kauditd_thread'),
  kthread('khungtaskd', 23, 'watchdog', '2m'),
  kthread('oom_reaper', 24, 'oom_reaper'),
  kthread('writeback', 25, 'rescuer_thread'),
  kthread('kcompactd0', 26, 'kcompactd'),
  kthread('ksmd', 27, 'ksm_scan_thread'),
  kthread('khugepaged', 28, 'khugepaged', '10s'),
  kthread('crypto', 29, 'rescuer_thread'),
  kthread('kintegrityd', 30, 'rescuer_thread'),
  kthread('kblockd', 31, 'rescuer_thread'),
  kthread('ata_sff', 32, 'rescuer_thread'),
  kthread('md', 33, 'rescuer_thread'),
  kthread('edac-poller', 34, 'rescuer_thread'),
  kthread('devfreq_wq', 35, 'rescuer_thread'),
  kthread('watchdogd', 36, 'kthread_worker_fn'),
  kthread('kswapd0', 39, 'kswapd'),
  kthread('jbd2/sda1-8', 40, 'kjournald2', '5s'),
];

const SERVICES: readonly TaskDescription[] = [
  {
    comm: 'sshd',
    pid: 42,
    program: [{ sleep_in: ['do_select', 'poll_schedule_timeout', 'schedule'], for: '10s' }],
  },
  {
    comm: 'cron',
    pid: 43,
    program: [
      { sleep_in: ['hrtimer_nanosleep', 'do_nanosleep', 'schedule'], for: '1m' },
      { syscall: ['vfs_statx'] },
    ],
  },
  {
    comm: 'nginx',
    pid: 44,
    count: 4,
    program: [
      { sleep_in: ['do_epoll_wait', 'ep_poll', 'schedule'], for: '100ms' },
      { syscall: ['sock_recvmsg', 'tcp_recvmsg'] },
      { syscall: ['vfs_read'] },
      { user: '2ms' },
      { syscall: ['sock_sendmsg', 'tcp_sendmsg'] },
    ],
  },
  {
    comm: 'bash',
    pid: 60,
    program: [
      {
        sleep_in: ['tty_read', 'n_tty_read', 'wait_woken', 'schedule_timeout', 'schedule'],
      },
    ],
  },
];

/** A kthread that sleeps in its main function nearly always: until woken, unless it has a rhythm. */
function kthread(comm: string, pid: number, main: string, rhythm?: string): TaskDescription {
  return { comm, pid, kthread: true, program: [sleepIn(main, rhythm)] };
}

/** A kthread bound to its cpu. Source: kernel/smpboot.c. */
function perCpuThread(kind: string, cpu: number, pid: number): TaskDescription {
  const rhythm = kind === 'watchdog' ? '4s' : undefined;
  const program = [sleepIn('smpboot_thread_fn', rhythm)];
  return { comm: `${kind}/${cpu}`, pid, kthread: true, cpu, program };
}

function sleepIn(main: string, rhythm: string | undefined): StepDescription {
  const sleep_in = ['kthread', main, 'schedule'];
  return rhythm === undefined ? { sleep_in } : { sleep_in, for: rhythm };
}

function moreCpuThreads(cpus: number): TaskDescription[] {
  const kinds = ['cpuhp', 'watchdog', 'migration', 'ksoftirqd'];
  const later = Array.from({ length: Math.max(0, cpus - 2) }, (_, index) => index + 2);
  return later
    .flatMap((cpu) => kinds.map((kind) => ({ kind, cpu })))
    .map(({ kind, cpu }, index) => perCpuThread(kind, cpu, MORE_CPUS_FIRST_PID + index));
}

/** What runs without a description: 4.15 with two cpus. */
export const defaultMachine: MachineDescription = createDefaultMachine('4.15', 2);
