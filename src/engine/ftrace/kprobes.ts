/**
 * Kprobes at the entry of functions, where ftrace calls them.
 *
 * Those that may change what runs (in which releases, kprobeRules.ts says) are IPMODIFY users, as
 * livepatches are: at one function there is one of both kinds. All probes share two ops.
 *
 * Source: kernel/kprobes.c, arch/x86/kernel/kprobes/ftrace.c.
 */
import { assert, KernelError } from '../../abi/errno.ts';
import type { Release } from '../../abi/release.ts';
import { emit } from '../events.ts';
import { type Code, lookupName } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { LOG_LEVEL } from '../printk.ts';
import type { Context } from '../sched/context.ts';
import { synchronizeRcu } from '../sched/synchronize.ts';
import type { Task } from '../sched/task.ts';
import {
  addToFilter,
  createOps,
  type FtraceOps,
  registerFtraceFunction,
  setFilter,
  unregisterFtraceFunction,
} from './ftrace.ts';
import { type KprobeRules, kprobeRulesOf } from './kprobeRules.ts';

/** Told of a call before the function runs, or once its first instruction has. */
export type KprobeHandler = (kernel: Kernel, task: Task, ip: Code) => void;

/** struct kprobe, as far as its author fills it in. */
export interface Kprobe {
  readonly symbolName: string;
  readonly preHandler?: KprobeHandler;
  readonly postHandler?: KprobeHandler;
}

/** The probes of one function: an aggregated kprobe if there are several. */
export interface KprobeSite {
  readonly code: Code;
  readonly kprobes: Kprobe[];
  /** What the first of them asked for holds for all. */
  readonly ops: FtraceOps;
  armed: boolean;
}

export interface Kprobes {
  readonly rules: KprobeRules;
  readonly sites: Map<Code, KprobeSite>;
  /** kprobes_all_disarmed: debugfs has switched them off. */
  allDisarmed: boolean;
  /** A warning that is printed once a boot was printed. */
  warnedOfDisarming: boolean;
  /** kprobe_ftrace_ops and kprobe_ipmodify_ops. */
  readonly plainOps: FtraceOps;
  readonly ipModifyOps: FtraceOps;
}

export function createKprobes(release: Release): Kprobes {
  const ops = (ipModify: boolean) =>
    createOps({
      handlerName: 'kprobe_ftrace_handler',
      handler: callHandlers,
      saveRegs: true,
      ipModify,
    });
  return {
    rules: kprobeRulesOf(release),
    sites: new Map(),
    allDisarmed: false,
    warnedOfDisarming: false,
    plainOps: ops(false),
    ipModifyOps: ops(true),
  };
}

/**
 * register_kprobe(): from now on calls of the function reach the handlers, unless probes are
 * switched off.
 *
 * @throws KernelError ENOENT if there is no such function, EINVAL if it is no call site or the probe
 * is registered, EBUSY where a livepatch and the probe exclude each other.
 */
export function registerKprobe(kernel: Kernel, kprobe: Kprobe): void {
  const { kprobes, kallsyms } = kernel;
  const code = lookupName(kallsyms, kprobe.symbolName);
  if (!code || code.module?.state === 'going') {
    throw new KernelError('ENOENT', `there is no function '${kprobe.symbolName}'`);
  }
  if (!code.traceable) throw new KernelError('EINVAL', `${code.name} is not a traceable function`);
  const known = kprobes.sites.get(code);
  if (known?.kprobes.includes(kprobe)) throw new KernelError('EINVAL', 'registered already');
  if (known) {
    known.kprobes.push(kprobe);
    return;
  }
  const ops = kprobes.rules.takesIpModify(kprobe) ? kprobes.ipModifyOps : kprobes.plainOps;
  const site: KprobeSite = { code, kprobes: [kprobe], ops, armed: false };
  const failure = kprobes.allDisarmed ? undefined : arm(kernel, site);
  if (failure) throw failure;
  kprobes.sites.set(code, site);
}

/** unregister_kprobe(): when it is done, no handler of the probe runs or will run. */
export function* unregisterKprobe(kernel: Kernel, kprobe: Kprobe): Context {
  const { sites } = kernel.kprobes;
  const site = [...sites.values()].find(({ kprobes }) => kprobes.includes(kprobe));
  if (!site) return;
  site.kprobes.splice(site.kprobes.indexOf(kprobe), 1);
  if (site.kprobes.length === 0) {
    if (site.armed) disarm(kernel, site);
    sites.delete(site.code);
  }
  yield* synchronizeRcu(kernel);
}

/**
 * Arms or disarms all probes, as far as that can be done.
 *
 * @throws KernelError why the last of those could not be that could not.
 * Source: arm_all_kprobes(), disarm_all_kprobes().
 */
export function setKprobesEnabled(kernel: Kernel, enabled: boolean): void {
  const { kprobes } = kernel;
  if (enabled === !kprobes.allDisarmed) return;
  kprobes.allDisarmed = !enabled;
  const sites = [...kprobes.sites.values()].filter((site) => !isGone(site));
  const failures = sites
    .map((site) => (enabled ? arm(kernel, site) : disarm(kernel, site)))
    .filter((failure) => failure !== undefined);
  const level = failures.length > 0 ? LOG_LEVEL.warning : LOG_LEVEL.info;
  const text = kprobes.rules.describeSwitch(enabled, failures.length, sites.length);
  emit(kernel, { type: 'printk', level, text });
  const last = failures.at(-1);
  if (last) throw last;
}

/** The module of the function went away under it. Source: kprobes_module_callback(). */
export function isGone({ code }: KprobeSite): boolean {
  return code.module?.state === 'unformed';
}

/** Source: arm_kprobe_ftrace(). */
function arm(kernel: Kernel, site: KprobeSite): KernelError | undefined {
  assert(!site.armed, `the probe at ${site.code.name} is armed once`);
  try {
    addToOps(kernel, site);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return kernel.kprobes.rules.armingFailed(kernel, error);
  }
  site.armed = true;
  return undefined;
}

/** Source: disarm_kprobe_ftrace(). */
function disarm(kernel: Kernel, site: KprobeSite): KernelError | undefined {
  const { name, sizeBytes } = site.code;
  if (!site.armed) {
    const place = `${name}+0x0/0x${sizeBytes.toString(16)}`;
    return kernel.kprobes.rules.disarmingFailed(kernel, place);
  }
  removeFromOps(kernel, site);
  site.armed = false;
  return undefined;
}

/** An ops without a function would see them all, so it is registered with its first one. */
function addToOps(kernel: Kernel, { ops, code }: KprobeSite): void {
  if (ops.filter.size > 0) {
    setFilter(kernel, ops, 'filter', [...ops.filter, code]);
    return;
  }
  addToFilter(ops, code);
  try {
    registerFtraceFunction(kernel, ops);
  } catch (error) {
    ops.filter.clear();
    throw error;
  }
}

function removeFromOps(kernel: Kernel, { ops, code }: KprobeSite): void {
  const others = [...ops.filter].filter((other) => other !== code);
  if (others.length > 0) {
    setFilter(kernel, ops, 'filter', others);
    return;
  }
  unregisterFtraceFunction(kernel, ops);
  ops.filter.clear();
}

/** Source: kprobe_ftrace_handler(), aggr_pre_handler(), aggr_post_handler(). */
function callHandlers(kernel: Kernel, task: Task, ip: Code): undefined {
  const kprobes = kernel.kprobes.sites.get(ip)?.kprobes ?? [];
  for (const { preHandler } of kprobes) preHandler?.(kernel, task, ip);
  for (const { postHandler } of kprobes) postHandler?.(kernel, task, ip);
}
