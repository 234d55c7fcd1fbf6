/** Programs as a machine description writes them: `{sleep_in: [do_epoll_wait, schedule], for: 100ms}`. */
import * as z from 'zod';
import { assert } from '../abi/errno.ts';
import type { Step } from '../engine/sched/program.ts';
import { toNanoseconds } from './duration.ts';
import type { Path } from './machineError.ts';
import {
  commName,
  duration,
  exactlyOneOf,
  integer,
  mapping,
  name,
  nonEmptyList,
  symbolName,
} from './schema.ts';

/** Exactly one of the verbs; `for` and `state` belong to `sleep_in`. */
export interface StepDescription {
  readonly user?: string | undefined;
  readonly syscall?: readonly string[] | undefined;
  readonly call?: string | undefined;
  readonly sleep_in?: readonly string[] | undefined;
  readonly for?: string | undefined;
  readonly state?: 'interruptible' | 'killable' | 'uninterruptible' | undefined;
  readonly wait_for?: string | undefined;
  readonly signal_event?: string | undefined;
  readonly repeat?:
    | { readonly times: number; readonly steps: readonly StepDescription[] }
    | undefined;
  readonly fork?: ChildDescription | undefined;
  readonly thread?: ChildDescription | undefined;
  readonly wait_child?: true | undefined;
  readonly exit?: number | undefined;
  readonly exit_group?: number | undefined;
}

interface ChildDescription {
  readonly comm: string;
  readonly program: readonly StepDescription[];
}

const VERBS = [
  'user',
  'syscall',
  'call',
  'sleep_in',
  'wait_for',
  'signal_event',
  'repeat',
  'fork',
  'thread',
  'wait_child',
  'exit',
  'exit_group',
];
const REPEAT_MAX = 1_000_000_000;
const EXIT_CODE_MAX = 255;

const exitCode = integer(0, EXIT_CODE_MAX);
const child = z.lazy(() => mapping({ comm: commName, program: nonEmptyList(step) }));

const step: z.ZodType<StepDescription> = z.lazy(() =>
  mapping({
    user: duration.optional(),
    syscall: nonEmptyList(symbolName).optional(),
    call: symbolName.optional(),
    sleep_in: nonEmptyList(symbolName).optional(),
    for: duration.optional(),
    state: z.enum(['interruptible', 'killable', 'uninterruptible']).optional(),
    wait_for: name.optional(),
    signal_event: name.optional(),
    repeat: mapping({ times: integer(1, REPEAT_MAX), steps: nonEmptyList(step) }).optional(),
    fork: child.optional(),
    thread: child.optional(),
    wait_child: z.literal(true, { error: 'must be true' }).optional(),
    exit: exitCode.optional(),
    exit_group: exitCode.optional(),
  })
    .check(exactlyOneOf(VERBS))
    .check(({ value, issues }) => {
      for (const key of ['for', 'state'].filter((modifier) => modifier in value)) {
        if (value.sleep_in) continue;
        const message = 'belongs to sleep_in only';
        issues.push({ code: 'custom', path: [key], message, input: value });
      }
    }),
);

export const program = z.array(step);

/** To the engine's words. The program is valid. */
export function toSteps(described: readonly StepDescription[]): Step[] {
  return described.map(toStep);
}

function toStep(described: StepDescription): Step {
  const { user, syscall, call, sleep_in, wait_for, signal_event, repeat } = described;
  const { fork, thread, wait_child, exit } = described;
  if (user !== undefined) return { kind: 'compute', durationNs: toNanoseconds(user) };
  if (syscall) return { kind: 'call', functions: syscall };
  if (call !== undefined) return { kind: 'call', functions: [call] };
  if (sleep_in) {
    const durationNs = described.for === undefined ? undefined : toNanoseconds(described.for);
    return {
      kind: 'sleep',
      functions: sleep_in,
      state: described.state ?? 'interruptible',
      durationNs,
    };
  }
  if (wait_for !== undefined) return { kind: 'wait', event: wait_for };
  if (signal_event !== undefined) return { kind: 'signal', event: signal_event };
  if (repeat) return { kind: 'repeat', times: repeat.times, steps: toSteps(repeat.steps) };
  if (fork) return { kind: 'fork', comm: fork.comm, steps: toSteps(fork.program) };
  if (thread) return { kind: 'thread', comm: thread.comm, steps: toSteps(thread.program) };
  if (wait_child) return { kind: 'wait-child' };
  if (exit !== undefined) return { kind: 'exit' };
  assert(described.exit_group !== undefined, 'a step has a verb');
  return { kind: 'exit-group' };
}

/** Every step of a program, those inside other steps too, and where it stands. */
export function* walkSteps(
  described: readonly StepDescription[],
  path: Path,
): Generator<{ readonly step: StepDescription; readonly path: Path }, void> {
  for (const [index, each] of described.entries()) {
    const here = [...path, index];
    yield { step: each, path: here };
    if (each.repeat) yield* walkSteps(each.repeat.steps, [...here, 'repeat', 'steps']);
    if (each.fork) yield* walkSteps(each.fork.program, [...here, 'fork', 'program']);
    if (each.thread) yield* walkSteps(each.thread.program, [...here, 'thread', 'program']);
  }
}
