/**
 * ftrace: at each call, tells those who asked, and decides which code runs.
 *
 * Every traceable function has a call site at its entry. Ops are attached to call sites by filter;
 * one of those at a site may modify the instruction pointer, which is how a livepatch redirects a
 * call. The code that it redirects to is entered by a jump, so its own call site comes next, with
 * the same caller.
 *
 * Source: kernel/trace/ftrace.c.
 */
import { KernelError } from '../../abi/errno.ts';
import { type Code, findSymbols } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { kindOf, type Task } from '../sched/task.ts';
import { traceableFunctions } from './filter.ts';

/**
 * Told of a call: of which function, and from which (unknown where the kernel lacks it). What it
 * answers is run instead of the function, if its ops may modify the instruction pointer.
 *
 * Source: include/linux/ftrace.h:ftrace_func_t.
 */
export type FtraceHandler = (
  kernel: Kernel,
  task: Task,
  ip: Code,
  parentIp: Code | undefined,
) => Code | undefined;

/** Source: include/linux/ftrace.h:struct ftrace_ops. */
export interface FtraceOps {
  readonly handlerName: string;
  readonly handler: FtraceHandler;
  /** FTRACE_OPS_FL_SAVE_REGS, FTRACE_OPS_FL_IPMODIFY and FTRACE_OPS_FL_PERMANENT. */
  readonly saveRegs: boolean;
  readonly ipModify: boolean;
  readonly permanent: boolean;
  /** The functions it wants to see; all of them if it is empty. */
  readonly filter: Set<Code>;
  /** Those it does not want to see, whatever the filter says. */
  readonly notrace: Set<Code>;
}

export interface Ftrace {
  /** kernel.ftrace_enabled: any integer, and 0 is off. */
  enabled: number;
  /** Each with its number, in the order of registration. */
  readonly registered: Map<FtraceOps, number>;
  /** Those of them without a filter, in that order; the others are found at the call sites. */
  readonly everywhere: FtraceOps[];
  nextNumber: number;
}

export function createFtrace(): Ftrace {
  return { enabled: 1, registered: new Map(), everywhere: [], nextNumber: 0 };
}

/** An ops that sees every function and changes nothing, but for what is given. */
export function createOps(
  given: Pick<FtraceOps, 'handlerName' | 'handler'> & Partial<FtraceOps>,
): FtraceOps {
  return {
    saveRegs: false,
    ipModify: false,
    permanent: false,
    filter: new Set(),
    notrace: new Set(),
    ...given,
  };
}

/**
 * ftrace_set_filter_ip(), adding one function to an ops that is not registered.
 *
 * @throws KernelError EINVAL if the address is no call site.
 */
export function addToFilter(ops: FtraceOps, code: Code): void {
  if (!code.traceable) throw new KernelError('EINVAL', `${code.name} is not a traceable function`);
  ops.filter.add(code);
}

/**
 * register_ftrace_function(): from now on calls of the filtered functions reach the handler.
 *
 * @throws KernelError EBUSY if another ops modifies the instruction pointer at one of them, or for
 * a permanent one while ftrace is off; EINVAL if an ops is to modify it everywhere.
 */
export function registerFtraceFunction(kernel: Kernel, ops: FtraceOps): void {
  const { ftrace } = kernel;
  if (ops.permanent && ftrace.enabled === 0) throw new KernelError('EBUSY', 'ftrace is disabled');
  checkIpModify(ops, ops.filter);
  ftrace.registered.set(ops, ftrace.nextNumber);
  ftrace.nextNumber += 1;
  attach(kernel, ops);
}

/** unregister_ftrace_function(). */
export function unregisterFtraceFunction({ ftrace }: Kernel, ops: FtraceOps): void {
  detach(ftrace, ops);
  ftrace.registered.delete(ops);
}

/**
 * Gives an ops another filter, registered or not.
 *
 * @throws KernelError as a registration with this filter; then it keeps the one it has.
 * Source: ftrace_hash_move_and_update_ops().
 */
export function setFilter(
  kernel: Kernel,
  ops: FtraceOps,
  which: 'filter' | 'notrace',
  codes: Iterable<Code>,
): void {
  const { ftrace } = kernel;
  const isRegistered = ftrace.registered.has(ops);
  const wanted = new Set(codes);
  if (isRegistered && which === 'filter') checkIpModify(ops, wanted);
  if (isRegistered) detach(ftrace, ops);
  ops[which].clear();
  for (const code of wanted) ops[which].add(code);
  if (isRegistered) attach(kernel, ops);
}

/** Source: __ftrace_hash_update_ipmodify(). */
function checkIpModify(ops: FtraceOps, filter: ReadonlySet<Code>): void {
  if (!ops.ipModify) return;
  if (filter.size === 0) throw new KernelError('EINVAL', 'IPMODIFY of all functions');
  for (const code of filter) {
    if (code.ops.some((other) => other.ipModify && other !== ops)) {
      throw new KernelError('EBUSY', `${code.name} has an IPMODIFY user`);
    }
  }
}

function attach(kernel: Kernel, ops: FtraceOps): void {
  const { ftrace } = kernel;
  const isEverywhere = ops.filter.size === 0;
  if (isEverywhere) insert(ftrace, ftrace.everywhere, ops);
  for (const code of isEverywhere ? traceableFunctions(kernel) : ops.filter) {
    if (ops.notrace.has(code)) continue;
    if (!isEverywhere) insert(ftrace, code.ops, ops);
    code.touched = true;
    code.modified ||= ops.ipModify;
  }
}

function detach(ftrace: Ftrace, ops: FtraceOps): void {
  if (ops.filter.size === 0) remove(ftrace.everywhere, ops);
  for (const code of ops.filter) remove(code.ops, ops);
}

/** The one that was registered last comes first. Source: add_ftrace_ops(). */
function insert(ftrace: Ftrace, list: FtraceOps[], ops: FtraceOps): void {
  const number = numberOf(ftrace, ops);
  const earlier = list.findIndex((other) => numberOf(ftrace, other) < number);
  if (earlier < 0) list.push(ops);
  else list.splice(earlier, 0, ops);
}

function remove(list: FtraceOps[], ops: FtraceOps): void {
  const position = list.indexOf(ops);
  if (position >= 0) list.splice(position, 1);
}

/** Counts registrations; two registered ops never have the same. */
export function numberOf(ftrace: Ftrace, ops: FtraceOps): number {
  return ftrace.registered.get(ops) ?? ftrace.nextNumber;
}

/** The ops that a call of the function reaches, the newest first. Source: ftrace_ops_list_func(). */
export function opsAt(ftrace: Ftrace, code: Code): readonly FtraceOps[] {
  if (ftrace.everywhere.length === 0 || !code.traceable) return code.ops;
  const all = [...code.ops];
  for (const ops of ftrace.everywhere) if (!ops.notrace.has(code)) insert(ftrace, all, ops);
  return all;
}

/**
 * Writes kernel.ftrace_enabled. While it is 0, calls reach no handler, and so no livepatch.
 *
 * @throws KernelError EBUSY for 0 while there is a permanent ops.
 * Source: ftrace_enable_sysctl(), is_permanent_ops_registered() (5.6).
 */
export function setFtraceEnabled({ ftrace }: Kernel, value: number): void {
  if (value === 0 && [...ftrace.registered.keys()].some(({ permanent }) => permanent)) {
    throw new KernelError('EBUSY', 'a permanent ops is registered');
  }
  ftrace.enabled = value;
}

/**
 * Calls a function by way of its call site, and answers the code that really runs. `parent` is the
 * newest frame of the task; the outermost function has none.
 */
export function enterFunction(
  kernel: Kernel,
  task: Task,
  code: Code,
  parent: Code | undefined,
): Code {
  if (code.ops.length === 0 && kernel.ftrace.everywhere.length === 0) return code;
  return passCallSites(kernel, task, code, parent);
}

/** What calls the outermost function of a task. Source: arch/x86/entry/entry_64.S, kernel/kthread.c. */
const OUTERMOST_CALLER = {
  user: 'do_syscall_64',
  client: 'do_syscall_64',
  kthread: 'kthread',
  idle: 'do_idle',
} as const;

/** Two livepatches that redirect to each other's code would go round for ever. */
const MAX_JUMPS = 16;

function passCallSites(kernel: Kernel, task: Task, code: Code, parent: Code | undefined): Code {
  if (kernel.ftrace.enabled === 0) return code;
  const { tasks, kallsyms } = kernel;
  const outermost = OUTERMOST_CALLER[kindOf(tasks, task)];
  const parentIp = parent ?? findSymbols(kallsyms, undefined, outermost)[0];
  let entered = code;
  for (let jumps = 0; jumps < MAX_JUMPS; jumps += 1) {
    const next = passCallSite(kernel, task, entered, parentIp);
    if (next === entered) return entered;
    entered = next;
  }
  return entered;
}

function passCallSite(kernel: Kernel, task: Task, ip: Code, parentIp: Code | undefined): Code {
  let entered = ip;
  for (const { handler, ipModify } of opsAt(kernel.ftrace, ip)) {
    const chosen = handler(kernel, task, ip, parentIp);
    if (ipModify && chosen) entered = chosen;
  }
  return entered;
}
