/** What releases disagree about where kprobes meet ftrace: a history that reads like a changelog. */
import { KernelError } from '../../abi/errno.ts';
import { compare, type Point, type Release } from '../../abi/release.ts';
import { emit } from '../events.ts';
import type { Kernel } from '../kernel.ts';
import { LOG_LEVEL } from '../printk.ts';
import type { Kprobe } from './kprobes.ts';

export interface KprobeRules {
  /** Whether a probe wants the instruction pointer for itself, as a livepatch does. */
  readonly takesIpModify: (kprobe: Kprobe) => boolean;
  /** ftrace refused to arm a probe: what becomes of it for whoever wanted that. */
  readonly armingFailed: (kernel: Kernel, refusal: KernelError) => KernelError | undefined;
  /** A probe at a function of that name was to be disarmed, and was not armed. */
  readonly disarmingFailed: (kernel: Kernel, name: string) => KernelError | undefined;
  /** The line that says that all probes were armed or disarmed, or how many of them were not. */
  readonly describeSwitch: (enabled: boolean, failed: number, total: number) => string;
}

interface Change {
  readonly since: Point;
  readonly source: string;
  /** For people: what holds from then on. */
  readonly what: string;
  readonly changes: Partial<KprobeRules>;
}

const linux415: KprobeRules = {
  takesIpModify: () => true,
  armingFailed: (kernel, { errno }) => warn(kernel, `Failed to init kprobe-ftrace (${errno})`),
  disarmingFailed: (kernel) => warn(kernel, 'Failed to init kprobe-ftrace (-16)'),
  describeSwitch: (enabled) => `Kprobes globally ${enabled ? 'enabled' : 'disabled'}`,
};

export const kprobeHistory: readonly Change[] = [
  {
    since: '4.16',
    source: 'commits 12310e343755, 297f9233b53a',
    what: 'a kprobe that ftrace refuses to arm or disarm fails, with the errno of ftrace',
    changes: {
      armingFailed: (_kernel, refusal) => refusal,
      disarmingFailed: (kernel, name) => refuseToDisarm(kernel, `${name} (-2)`),
      describeSwitch: describeSwitch416,
    },
  },
  {
    since: '5.5',
    source: 'commit 0bc11ed5ab60',
    what: 'a function can have a livepatch and a kprobe, if that has no post handler',
    changes: { takesIpModify: ({ postHandler }) => postHandler !== undefined },
  },
  {
    since: '5.16',
    source: 'commit 9c89bb8e3272',
    what: 'the log has other words for kprobes that were switched on and off',
    changes: {
      disarmingFailed: (kernel, name) => refuseToDisarm(kernel, `${name} (error -2)`),
      describeSwitch: describeSwitch516,
    },
  },
];

/** The rules of one release. */
export function kprobeRulesOf(release: Release): KprobeRules {
  const past = kprobeHistory.filter(({ since }) => compare(release, since) >= 0);
  return Object.assign({}, linux415, ...past.map(({ changes }) => changes));
}

function describeSwitch416(enabled: boolean, failed: number, total: number): string {
  const line = linux415.describeSwitch(enabled, failed, total);
  const verb = enabled ? 'arm' : 'disarm';
  return failed === 0 ? line : `${line}, but failed to ${verb} ${failed} out of ${total} probes`;
}

function describeSwitch516(enabled: boolean, failed: number, total: number): string {
  const line = `kprobes: ${linux415.describeSwitch(enabled, failed, total)}`;
  if (failed === 0) return line;
  const [verb, kept] = enabled ? ['enable', 'disabled'] : ['disable', 'enabled'];
  return `${line}, but failed to ${verb} ${failed} out of ${total} probes. Please check which kprobes are kept ${kept} via debugfs.`;
}

/** The function is in no filter. Source: __disarm_kprobe_ftrace(), ftrace_set_filter_ip(). */
function refuseToDisarm(kernel: Kernel, what: string): KernelError {
  const { kprobes } = kernel;
  if (!kprobes.warnedOfDisarming) warn(kernel, `Failed to disarm kprobe-ftrace at ${what}`);
  kprobes.warnedOfDisarming = true;
  return new KernelError('ENOENT', `no probe is armed at ${what}`);
}

/** The first line of a WARN(). */
function warn(kernel: Kernel, text: string): undefined {
  emit(kernel, { type: 'printk', level: LOG_LEVEL.warning, text });
}
