/** control/clock: moves a clock that stands still, so far, or until something is so. */
import { KernelError } from '../abi/errno.ts';
import type { Kernel } from '../engine/kernel.ts';
import { patchName } from '../engine/livepatch/model.ts';
import type { Context } from '../engine/sched/context.ts';
import { isIdle } from '../engine/sched/cpu.ts';
import { watchFor } from '../engine/sched/watch.ts';
import type { MachineDescription } from '../machine/description.ts';
import { parseDuration } from '../machine/duration.ts';
import { LINE_BYTES, RequestError, type Verb } from '../sysfs/controlFile.ts';
import type { MachineLoop } from './machineLoop.ts';

/** A state of the machine up to which time can run. */
interface Goal {
  readonly isReached: (kernel: Kernel) => boolean;
  /** What is the case instead. */
  readonly contrary: (kernel: Kernel) => string;
}

const GOALS = {
  transition: {
    isReached: ({ livepatch }) => livepatch.transition === undefined,
    contrary: ({ livepatch: { transition } }) =>
      `${transition ? patchName(transition.patch) : 'a patch'} is still in transition`,
  },
  idle: { isReached: isIdle, contrary: () => 'the machine is still busy' },
} as const satisfies Readonly<Record<string, Goal>>;

type GoalName = keyof typeof GOALS;

interface Advance {
  readonly kind: 'advance';
  readonly durationNs: number;
}

interface RunUntil {
  readonly kind: 'until';
  readonly goal: GoalName;
  readonly limitNs: number;
  /** As it was written. */
  readonly limit: string;
}

export function clockVerb({ clock: mode }: MachineDescription, loop: MachineLoop): Verb {
  return {
    name: 'clock',
    show: ({ clock }) => `\
write: +DURATION, such as +1.5s or +20ms
write: until transition|idle LIMIT, such as until transition 60s
now: ${clock.nowNs} ns
`,
    execute: (kernel, text) => {
      if (mode !== 'manual') throw new RequestError('EINVAL', 'the clock follows the wall clock');
      const request = parseClockRequest(text);
      return request.kind === 'advance'
        ? advance(kernel, request, loop)
        : runUntil(kernel, request, loop);
    },
    maxBytes: LINE_BYTES,
  };
}

/** Answers when the machine has reached the new time. */
function* advance(kernel: Kernel, { durationNs }: Advance, loop: MachineLoop): Context {
  loop.extend(durationNs);
  yield { kind: 'sleep', state: 'uninterruptible', untilNs: kernel.clock.nowNs + durationNs };
}

/** Answers at the moment at which it is so, beyond which the machine does not go. */
function* runUntil(kernel: Kernel, { goal, limitNs, limit }: RunUntil, loop: MachineLoop): Context {
  const { isReached, contrary } = GOALS[goal];
  const untilNs = kernel.clock.nowNs + limitNs;
  const stop = loop.runOn(untilNs);
  try {
    const wakeup = yield* watchFor(kernel, () => isReached(kernel), untilNs);
    if (wakeup === 'signal') throw new KernelError('EINTR', 'a signal came');
    if (wakeup === 'timeout') {
      throw new RequestError('ETIMEDOUT', `after ${limit} ${contrary(kernel)}`);
    }
  } finally {
    stop();
  }
}

/** @throws RequestError EINVAL for what is no request to a clock. */
export function parseClockRequest(text: string): Advance | RunUntil {
  const [, duration = ''] = /^\+(\S+)\s*$/.exec(text) ?? [];
  const durationNs = parseDuration(duration);
  if (durationNs !== undefined) return { kind: 'advance', durationNs };

  const [, word = '', limit = ''] = /^until\s+(\w+)\s+(\S+)\s*$/i.exec(text) ?? [];
  const goal = word.toLowerCase();
  const limitNs = parseDuration(limit);
  if (isGoal(goal) && limitNs !== undefined) return { kind: 'until', goal, limitNs, limit };

  throw new RequestError(
    'EINVAL',
    'expected +DURATION, such as +1.5s or +20ms, or until transition|idle LIMIT',
  );
}

function isGoal(word: string): word is GoalName {
  return Object.hasOwn(GOALS, word);
}
