/**
 * What releases disagree about: one verb per disagreement, resolved once at boot from a history
 * that reads like a changelog.
 */
import { KernelError } from '../../abi/errno.ts';
import { compare, type Point, type Release } from '../../abi/release.ts';
import { emit } from '../events.ts';
import type { FtraceOps } from '../ftrace/ftrace.ts';
import type { Kernel } from '../kernel.ts';
import { deleteKobject, drainKobject } from '../kobject.ts';
import { putModule } from '../module/references.ts';
import type { Answer, Context } from '../sched/context.ts';
import type { Cpu } from '../sched/cpu.ts';
import { countAsBusy, forEachTask } from '../sched/pass.ts';
import { wakeIfIdle, wakeTask } from '../sched/scheduler.ts';
import { notifySignal } from '../sched/signal.ts';
import { isPatchPending, kindOf, runStateOf, type Task } from '../sched/task.ts';
import { queueWork } from '../sched/workqueue.ts';
import {
  checkOrderOfDisabling,
  enrollPatch,
  forgetPatch,
  registerAndEnablePatch,
  unregisterPatch,
} from './core.ts';
import type { Holdup } from './events.ts';
import { funcsOf, type Patch, type PatchObject, patchName, type Transition } from './model.ts';
import { updatePatchState } from './patchState.ts';
import { replacedBy } from './replace.ts';
import { schedTrySwitch } from './transition.ts';

export type ExitWork = 'signals' | 'patch';

export interface Semantics {
  /** What the init() of a livepatch module does with its patch. */
  readonly initPatch: (kernel: Kernel, patch: Patch) => Context;
  /** What its exit() does. */
  readonly exitPatch: (kernel: Kernel, patch: Patch) => Answer<void>;
  /** Names too long for the kernel to look up. */
  readonly checkNames: (object: PatchObject) => void;
  /** A module comes whose name the kernel has for itself. */
  readonly checkComing: (kernel: Kernel, name: string) => void;
  /** The architecture lacks reliable stack traces. */
  readonly checkReliability: (kernel: Kernel, patch: Patch) => void;
  /** Whether a patch may be disabled while others lie above it. */
  readonly checkDisabling: (kernel: Kernel, patch: Patch) => void;
  /** When `enabled` changes: before the first attempt to complete, or after it. */
  readonly enabledChanges: 'before-first-pass' | 'after-first-pass';
  /** All tasks have been told of a transition. */
  readonly started: (kernel: Kernel) => void;
  /** A pass left tasks behind. */
  readonly nudge: (kernel: Kernel, transition: Transition) => Context;
  /** A pass met the idle task of an idle cpu. */
  readonly pokeIdle: (cpu: Cpu) => void;
  /** Unpatching is complete: is the module let go? */
  readonly retireUnpatched: (patch: Patch) => void;
  /** Two positions of a symbol mean the same one; 0 is "the only one". */
  readonly isSamePosition: (a: number, b: number) => boolean;
  /** A transition is complete, whichever way, other than by cancelling. */
  readonly retireCompleted: (kernel: Kernel, patch: Patch) => void;
  /** Remaining tasks were forced: which patches stay for ever? */
  readonly noteForced: (kernel: Kernel, patch: Patch) => void;
  /** A kthread that is in a transition, and computes, comes by cond_resched(). */
  readonly condResched: (kernel: Kernel, task: Task) => void;
  /** What is looked at on the way to user space, one after the other. */
  readonly exitWork: readonly ExitWork[];
  /** How a livepatch asks ftrace, beyond IPMODIFY. */
  readonly opsFlags: Pick<FtraceOps, 'saveRegs' | 'permanent'>;
  /** A function to patch is no place that ftrace knows. */
  readonly announceUntraceable: (kernel: Kernel, oldName: string, error: KernelError) => void;
  /** Code hands over a function that makes or unmakes a shadow variable. */
  readonly checkShadowFunction: (which: 'constructor' | 'destructor') => void;
  /** The function whose name begins the debug line about a task that stays behind. */
  readonly holdupPrinter: (holdup: Holdup) => string;
}

interface Change {
  readonly since: Point;
  readonly source: string;
  /** For people: what holds from then on. */
  readonly what: string;
  readonly changes: Partial<Semantics>;
}

const linux415: Semantics = {
  initPatch: registerAndEnablePatch,
  exitPatch: unregisterPatch,
  checkNames: () => {},
  checkComing: () => {},
  checkReliability: refuseUnlessImmediate,
  checkDisabling: checkOrderOfDisabling,
  enabledChanges: 'after-first-pass',
  started: () => {},
  *nudge() {},
  pokeIdle: () => {},
  retireUnpatched: putUnlessImmediate,
  isSamePosition: (a, b) => (a || 1) === (b || 1),
  retireCompleted: () => {},
  noteForced: () => {},
  condResched: () => {},
  // Source: arch/x86/entry/common.c:exit_to_usermode_loop().
  exitWork: ['signals', 'patch'],
  opsFlags: { saveRegs: true, permanent: false },
  announceUntraceable: (kernel, oldName, { errno }) =>
    emit(kernel, { type: 'setting-filter-failed', oldName, errno }),
  checkShadowFunction: (which) => {
    throw new Error(`shadow variables have a ${which} from 4.18 on`);
  },
  holdupPrinter: ({ kind }) => (kind === 'running' ? 'klp_try_switch_task' : 'klp_check_stack'),
};

/** The oldest first; several rows of one release where it changed several things. */
export const livepatchHistory: readonly Change[] = [
  {
    since: '4.18',
    source: 'shadow.c:klp_shadow_alloc(), klp_shadow_free()',
    what: 'shadow variables can have a constructor and a destructor',
    changes: { checkShadowFunction: () => {} },
  },
  {
    since: '4.20',
    source: 'core.c:klp_init_object()',
    what: 'an object whose name has 56 characters or more is EINVAL',
    changes: { checkNames: refuseLongObjectName },
  },
  {
    since: '5.1',
    source: 'core.c:klp_enable_patch(), transition.c:klp_complete_transition()',
    what: 'a disabled or replaced patch loses its directory, and is never enabled again',
    changes: {
      initPatch: enrollPatch,
      exitPatch: () => {},
      retireUnpatched: () => {},
      retireCompleted: freeWhatIsGone,
    },
  },
  {
    since: '5.1',
    source: 'core.c:klp_enable_patch()',
    what: 'without reliable stack traces a patch is enabled with a warning, not ENOSYS',
    changes: { checkReliability: warnThatItMayNeverComplete },
  },
  {
    since: '5.1',
    source: 'core.c:enabled_store(), __klp_disable_patch()',
    what: 'patches can be disabled in any order, not only the newest first',
    changes: { checkDisabling: () => {} },
  },
  {
    since: '5.1',
    source: 'core.c:__klp_enable_patch(), __klp_disable_patch()',
    what: 'enabled changes before the first pass of a transition, not after it',
    changes: { enabledChanges: 'before-first-pass' },
  },
  {
    since: '5.1',
    source: 'transition.c:klp_send_signals()',
    what: 'every 15th pass signals the tasks that stay behind',
    changes: { nudge: signalStragglers },
  },
  {
    since: '5.6',
    source: 'patch.c:klp_patch_func(), commit 7162431dcf72 of ftrace',
    what: 'while a function is patched, ftrace_enabled cannot become 0: EBUSY',
    changes: { opsFlags: { saveRegs: true, permanent: true } },
  },
  {
    since: '5.8',
    source: 'core.c:klp_module_coming()',
    what: 'a module that is called vmlinux cannot be loaded: EINVAL',
    changes: { checkComing: refuseVmlinux },
  },
  {
    since: '5.9',
    source: 'kernel/entry/common.c:exit_to_user_mode_loop()',
    what: 'on the way to user space a task switches before it takes signals, not after',
    changes: { exitWork: ['patch', 'signals'] },
  },
  {
    since: '5.11',
    source: 'patch.c:klp_patch_func(), CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS on x86',
    what: 'livepatches need no registers: no R in enabled_functions for their functions',
    changes: { opsFlags: { saveRegs: false, permanent: true } },
  },
  {
    since: '5.17',
    source: 'transition.c:klp_try_complete_transition(), wake_up_if_idle()',
    what: 'a pass wakes idle cpus, so that their idle tasks switch at once',
    changes: { pokeIdle: wakeIfIdle },
  },
  {
    since: '5.19',
    source: 'transition.c:klp_force_transition()',
    what: 'force pins patches that are on their way out, and no others',
    changes: { noteForced: pinWhatIsGoingAway },
  },
  {
    since: '5.19',
    source: 'patch.c:klp_patch_func()',
    what: "a function that ftrace does not know is logged as 'failed to find location'",
    changes: {
      announceUntraceable: (kernel, oldName) =>
        emit(kernel, { type: 'location-not-found', oldName }),
    },
  },
  {
    since: '5.19',
    source: 'transition.c:klp_try_switch_task()',
    what: 'all debug lines about tasks that stay behind begin with klp_try_switch_task',
    changes: { holdupPrinter: () => 'klp_try_switch_task' },
  },
  {
    since: '6.4',
    source: 'sched/core.c:klp_cond_resched(), transition.c:__klp_sched_try_switch()',
    what: 'a kthread that computes switches itself where others may run',
    changes: { condResched: schedTrySwitch },
  },
  {
    since: '6.4',
    source: 'sched/core.c:sched_dynamic_klp_enable(); seen on Debian 6.12',
    what: 'all cpus are interrupted at the start: who idles or is in user space switches',
    changes: { started: interruptCpus },
  },
  {
    // Later kernels, and the stable ones of Debian, take 0 and 1 for the same; this one never did.
    since: '6.14',
    source: 'core.c:klp_find_func()',
    what: 'a replacement that writes position 1 for 0, or 0 for 1, means another function',
    changes: { isSamePosition: (a, b) => a === b },
  },
];

/** The rules of one release. */
export function semanticsOf(release: Release): Semantics {
  const past = livepatchHistory.filter(({ since }) => compare(release, since) >= 0);
  return Object.assign({}, linux415, ...past.map(({ changes }) => changes));
}

/** An object of that name would be taken for the kernel itself. */
function refuseVmlinux(kernel: Kernel, name: string): void {
  if (name !== 'vmlinux') return;
  emit(kernel, { type: 'invalid-module-name', module: name });
  throw new KernelError('EINVAL', 'the kernel itself is called vmlinux');
}

/** Source: core.c:klp_register_patch() of 4.15. */
function refuseUnlessImmediate(kernel: Kernel, patch: Patch): void {
  if (kernel.config.reliableStacktrace || patch.immediate) return;
  emit(kernel, { type: 'no-reliable-stacks', level: 'error' });
  throw new KernelError('ENOSYS', 'this architecture has no reliable stack traces');
}

/** Source: core.c:klp_enable_patch() of 6.1. */
function warnThatItMayNeverComplete(kernel: Kernel): void {
  if (kernel.config.reliableStacktrace) return;
  emit(kernel, { type: 'no-reliable-stacks', level: 'warning' });
  emit(kernel, { type: 'may-never-complete' });
}

/** MODULE_NAME_LEN on a 64-bit machine: 64 - sizeof(unsigned long). */
const MODULE_NAME_LEN = 56;

function refuseLongObjectName(object: PatchObject): void {
  if (object.name !== undefined && object.name.length >= MODULE_NAME_LEN) {
    throw new KernelError('EINVAL', `object name of ${object.name.length} characters`);
  }
}

/** Source: transition.c:klp_complete_transition() of 4.15. */
function putUnlessImmediate(patch: Patch): void {
  const immediate = patch.immediate || [...funcsOf(patch)].some((func) => func.immediate);
  if (!immediate) putModule(patch.module);
}

/**
 * The call sites of cond_resched() are rewritten one by one, and each time every cpu is interrupted.
 * Before that is over, idle tasks have come by their idle loop, processes that compute by user space.
 *
 * Source: arch/x86/kernel/alternative.c:text_poke_sync(), sched/idle.c:do_idle().
 */
function interruptCpus(kernel: Kernel): void {
  const { tasks, cpus } = kernel;
  for (const { current, idle, busyUntilNs } of cpus) {
    const isInUserSpace = kindOf(tasks, current) === 'user' && busyUntilNs !== undefined;
    if (current === idle || isInUserSpace) updatePatchState(kernel, current);
  }
}

/** SIGNALS_TIMEOUT: every so many passes. */
const SIGNALS_TIMEOUT_PASSES = 15;

/**
 * Whoever sleeps interruptibly is to leave the kernel; only the first round is told of.
 *
 * Source: transition.c:klp_send_signals().
 */
function* signalStragglers(kernel: Kernel, { patch, passes }: Transition): Context {
  if (passes === 0 || passes % SIGNALS_TIMEOUT_PASSES !== 0) return;
  if (passes === SIGNALS_TIMEOUT_PASSES) {
    emit(kernel, { type: 'transition-signaling', patch: patchName(patch) });
  }
  const { tasks } = kernel;
  yield* forEachTask(kernel, (task) => {
    if (!isPatchPending(tasks, task) || kindOf(tasks, task) === 'idle') return;
    countAsBusy(tasks);
    if (kindOf(tasks, task) !== 'kthread') notifySignal(kernel, task);
    else if (runStateOf(tasks, task) === 'interruptible') wakeTask(kernel, task, 'woken');
  });
}

/** Itself, or what it has replaced. Source: transition.c:klp_try_complete_transition(). */
function freeWhatIsGone(kernel: Kernel, patch: Patch): void {
  if (!patch.enabled) freePatchAsync(kernel, patch);
  else if (patch.replace) {
    for (const older of replacedBy(kernel, patch)) freePatchAsync(kernel, older);
  }
}

/** The directory goes, then the module reference. Source: core.c:klp_free_patch_async(). */
function freePatchAsync(kernel: Kernel, patch: Patch): void {
  forgetPatch(kernel, patch);
  queueWork(kernel, kernel.cpus[0]?.id ?? 0, function* freePatch() {
    const { kobject } = patch;
    if (!kobject) return;
    deleteKobject(kobject);
    yield* drainKobject(kernel, kobject);
    if (!patch.forced) putModule(patch.module);
  });
}

function pinWhatIsGoingAway(kernel: Kernel, patch: Patch): void {
  const { transition, patches } = kernel.livepatch;
  if (transition?.target === 'unpatched') patch.forced = true;
  else if (patch.replace) for (const other of patches) if (other !== patch) other.forced = true;
}
