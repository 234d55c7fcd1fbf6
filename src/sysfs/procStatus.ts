/**
 * /proc/PID/status: a task in lines that people can read.
 *
 * Everything belongs to root; memory, context switches and signals are 0, since the machine keeps
 * no account of them.
 *
 * Source: fs/proc/array.c:proc_pid_status().
 */
import { between, isIn, type ReleaseSpan, since } from '../abi/release.ts';
import type { Kernel } from '../engine/kernel.ts';
import { threadsOf } from '../engine/sched/family.ts';
import { commOf, cpuOf, pidOf, type Task, tgidOf } from '../engine/sched/task.ts';
import {
  hasMemory,
  isKthread,
  isWorker,
  parentPidOf,
  sessionIdOf,
  stateOf,
} from './procIdentity.ts';

interface Line {
  readonly name: string;
  readonly releases?: ReleaseSpan;
  /** Only of processes with memory. Source: task_mem(). */
  readonly memory?: true;
  readonly value: (kernel: Kernel, task: Task) => string | number;
}

/** NR_OPEN_DEFAULT: the file table that a process begins with. */
const FD_SIZE = 64;
/** RLIMIT_SIGPENDING: half of the threads that fit in the memory that /proc/meminfo shows. */
const SIGNALS_MAX = 8000;
const NO_SIGNALS = '0'.repeat(16);
const ALL_SIGNALS = 'f'.repeat(16);
const NO_CAPABILITIES = '0'.repeat(16);
/** MAX_NUMNODES of distribution kernels; the machine has the first node. */
const NODES_MAX = 1024;

const MEMORY: readonly Line[] = [
  ...['VmPeak', 'VmSize', 'VmLck', 'VmPin', 'VmHWM', 'VmRSS', 'RssAnon', 'RssFile', 'RssShmem'],
  ...['VmData', 'VmStk', 'VmExe', 'VmLib', 'VmPTE', 'VmSwap', 'HugetlbPages'],
].map((name) => ({ name, memory: true, value: () => '       0 kB' }));

/** In the order of the file. */
export const STATUS_LINES: readonly Line[] = [
  { name: 'Name', value: ({ tasks }, task) => escapeName(commOf(tasks, task)) },
  { name: 'Umask', value: () => '0022' },
  { name: 'State', value: stateOf },
  { name: 'Tgid', value: showTgid },
  { name: 'Ngid', value: () => 0 },
  { name: 'Pid', value: showPid },
  { name: 'PPid', value: parentPidOf },
  { name: 'TracerPid', value: () => 0 },
  { name: 'Uid', value: () => '0\t0\t0\t0' },
  { name: 'Gid', value: () => '0\t0\t0\t0' },
  { name: 'FDSize', value: () => FD_SIZE },
  { name: 'Groups', value: () => ' ' },
  { name: 'NStgid', value: showTgid },
  { name: 'NSpid', value: showPid },
  { name: 'NSpgid', value: sessionIdOf },
  { name: 'NSsid', value: sessionIdOf },
  ...MEMORY,
  { name: 'CoreDumping', memory: true, value: () => 0 },
  { name: 'THP_enabled', releases: since('5.0'), memory: true, value: () => 1 },
  { name: 'Threads', value: ({ tasks }, task) => threadsOf(tasks, task).length },
  { name: 'SigQ', value: () => `0/${SIGNALS_MAX}` },
  { name: 'SigPnd', value: () => NO_SIGNALS },
  { name: 'ShdPnd', value: () => NO_SIGNALS },
  { name: 'SigBlk', value: () => NO_SIGNALS },
  {
    name: 'SigIgn',
    value: ({ tasks }, task) => (isKthread(tasks, task) ? ALL_SIGNALS : NO_SIGNALS),
  },
  { name: 'SigCgt', value: () => NO_SIGNALS },
  { name: 'CapInh', value: () => NO_CAPABILITIES },
  ...['CapPrm', 'CapEff', 'CapBnd'].map((name) => ({ name, value: showAllCapabilities })),
  { name: 'CapAmb', value: () => NO_CAPABILITIES },
  { name: 'NoNewPrivs', value: () => 0 },
  { name: 'Seccomp', value: () => 0 },
  { name: 'Seccomp_filters', releases: since('5.9'), value: () => 0 },
  { name: 'Speculation_Store_Bypass', releases: since('4.17'), value: () => 'not vulnerable' },
  { name: 'SpeculationIndirectBranch', releases: since('5.11'), value: () => 'always enabled' },
  { name: 'Cpus_allowed', value: (kernel, task) => formatMask(...allowedCpus(kernel, task)) },
  { name: 'Cpus_allowed_list', value: (kernel, task) => formatList(allowedCpus(kernel, task)[0]) },
  { name: 'Mems_allowed', value: () => formatMask({ first: 0, last: 0 }, NODES_MAX) },
  { name: 'Mems_allowed_list', value: () => formatList({ first: 0, last: 0 }) },
  { name: 'voluntary_ctxt_switches', value: () => 0 },
  { name: 'nonvoluntary_ctxt_switches', value: () => 0 },
];

export function showStatus(kernel: Kernel, task: Task): string {
  const { release } = kernel.config;
  const withMemory = hasMemory(kernel, task);
  let text = '';
  for (const { name, releases, memory, value } of STATUS_LINES) {
    if (memory && !withMemory) continue;
    if (releases && !isIn(release, releases)) continue;
    text += `${name}:\t${value(kernel, task)}\n`;
  }
  return text;
}

function showPid({ tasks }: Kernel, task: Task): number {
  return pidOf(tasks, task);
}

function showTgid({ tasks }: Kernel, task: Task): number {
  return tgidOf(tasks, task);
}

/** Source: proc_task_name(). */
function escapeName(comm: string): string {
  return comm.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** CAP_LAST_CAP: what root has. Source: include/uapi/linux/capability.h. */
export const ALL_CAPABILITIES: readonly {
  readonly releases: ReleaseSpan;
  readonly mask: string;
}[] = [
  { releases: between('3.16', '5.8'), mask: '0000003fffffffff' },
  { releases: between('5.8', '5.9'), mask: '000000ffffffffff' },
  { releases: since('5.9'), mask: '000001ffffffffff' },
];

function showAllCapabilities({ config }: Kernel): string {
  const known = ALL_CAPABILITIES.find(({ releases }) => isIn(config.release, releases));
  return known?.mask ?? NO_CAPABILITIES;
}

/** Bits of a mask, all of them next to each other. */
interface Range {
  readonly first: number;
  readonly last: number;
}

/** With the number of cpus. Workers are bound to theirs; of others the machine does not know. */
function allowedCpus(kernel: Kernel, task: Task): [Range, number] {
  const count = kernel.cpus.length;
  const own = cpuOf(kernel.tasks, task);
  const range = isWorker(kernel, task) ? { first: own, last: own } : { first: 0, last: count - 1 };
  return [range, count];
}

const WORD_BITS = 32n;

/** `%*pb`: words of 32 bits, the highest first, as wide as the mask. */
function formatMask({ first, last }: Range, bits: number): string {
  const mask = ((1n << BigInt(last - first + 1)) - 1n) << BigInt(first);
  const words: string[] = [];
  for (let low = 0n; low < bits; low += WORD_BITS) {
    const width = Math.min(Number(WORD_BITS), bits - Number(low));
    const word = (mask >> low) & ((1n << WORD_BITS) - 1n);
    words.unshift(word.toString(16).padStart(Math.ceil(width / 4), '0'));
  }
  return words.join(',');
}

/** `%*pbl`. */
function formatList({ first, last }: Range): string {
  return first === last ? `${first}` : `${first}-${last}`;
}
