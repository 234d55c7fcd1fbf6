/**
 * Tries every order in which the cpus of a small machine can do their steps.
 *
 * A machine is plain data and generators, which cannot be copied, so each order is run from the
 * start. Orders that have led to the same state before are not followed further.
 */
import type { Kernel } from '../../src/engine/kernel.ts';
import { funcsOf, funcsOn, type PatchFunc, patchName } from '../../src/engine/livepatch/model.ts';
import { isBusy, stepCpu } from '../../src/engine/sched/run.ts';
import { pidOf } from '../../src/engine/sched/task.ts';

/** What is explored: a machine at its start, and what must never be. */
export interface World {
  readonly kernel: Kernel;
  /** What happened, in words; whoever adds to it makes states differ. */
  readonly history: string[];
  /** Set by whoever sees what must not be. */
  violation: string | undefined;
  /** What must not be once every cpu has nothing left to do. */
  readonly atEnd: () => string | undefined;
}

export interface Verdict {
  /** Orders that were run, and different states that were seen. */
  readonly orders: number;
  readonly states: number;
  readonly violation:
    | { readonly what: string; readonly interleaving: readonly string[] }
    | undefined;
}

/** More steps than any of these worlds takes. */
const STEPS_MAX = 2000;

export function explore(build: () => World): Verdict {
  const seen = new Set<string>();
  let orders = 0;
  let prefix: Choice[] = [];
  for (;;) {
    const { choices, world } = runOrder(build(), prefix, seen);
    orders += 1;
    if (world.violation !== undefined) {
      return {
        orders,
        states: seen.size,
        violation: { what: world.violation, interleaving: narrate(build(), choices) },
      };
    }
    const next = nextPrefix(choices);
    if (!next) return { orders, states: seen.size, violation: undefined };
    prefix = next;
  }
}

/** Which of the cpus that could do something did. */
interface Choice {
  readonly taken: number;
  readonly others: readonly number[];
}

function runOrder(world: World, prefix: readonly Choice[], seen: Set<string>) {
  const { kernel } = world;
  const steps = new Map<number, number>();
  const choices: Choice[] = [];
  for (;;) {
    const busy = kernel.cpus.filter(isBusy).map(({ id }) => id);
    const [first] = busy;
    if (first === undefined) world.violation ??= world.atEnd();
    if (first === undefined || world.violation !== undefined) return { choices, world };
    if (choices.length > STEPS_MAX) throw new Error('a world that does not end');
    const given = prefix[choices.length];
    if (!given) {
      const state = describeState(world, steps);
      if (seen.has(state)) return { choices, world };
      seen.add(state);
    }
    const taken = given?.taken ?? first;
    choices.push(given ?? { taken, others: busy.filter((id) => id !== taken) });
    doStep(kernel, taken, steps);
  }
}

function doStep(kernel: Kernel, id: number, steps: Map<number, number>): void {
  const cpu = kernel.cpus[id];
  if (!cpu) throw new Error(`no cpu ${id}`);
  steps.set(cpu.current, (steps.get(cpu.current) ?? 0) + 1);
  stepCpu(kernel, cpu);
}

/** The last choice at which something else can be tried, with that tried. */
function nextPrefix(choices: readonly Choice[]): Choice[] | undefined {
  for (let index = choices.length - 1; index >= 0; index -= 1) {
    const [taken, ...others] = choices[index]?.others ?? [];
    if (taken !== undefined) return [...choices.slice(0, index), { taken, others }];
  }
  return undefined;
}

/**
 * Everything that decides what can follow. How far a context has come is told by the number of
 * steps of its task, and what it has read by what happened.
 */
function describeState({ kernel, history }: World, steps: ReadonlyMap<number, number>): string {
  const { tasks, cpus, livepatch, workerPools } = kernel;
  const rows = Array.from({ length: tasks.length }, (_, task) =>
    [tasks.pid, tasks.runState, tasks.patchState, tasks.patchPending]
      .map((column) => column[task])
      .concat(steps.get(task)),
  );
  const queues = cpus.map((cpu) => [
    cpu.current,
    cpu.needResched,
    cpu.preemptCount,
    cpu.rcuWatching,
    cpu.runQueue.items.slice(cpu.runQueue.head),
  ]);
  const work = workerPools.map(({ pending, idle }) => [pending.length, idle]);
  const { owner, queue } = livepatch.mutex;
  return JSON.stringify([rows, queues, work, owner, queue.waiters, facts(kernel), history]);
}

/** What a version of a function is called here. */
export function versionName({ newFunc, oldName }: PatchFunc): string {
  return newFunc?.name ?? `nop_${oldName}`;
}

/** What writers change and handlers read. */
function facts({ tasks, livepatch, kallsyms }: Kernel): Map<string, string> {
  const shown = new Map<string, string>();
  for (const patch of livepatch.patches) {
    for (const func of funcsOf(patch)) {
      shown.set(`${versionName(func)}.transition`, String(func.transition));
      shown.set(`${versionName(func)}.patched`, String(func.patched));
    }
  }
  for (const [code, stack] of livepatch.funcStacks) {
    const names = [...funcsOn(stack)].map(versionName);
    shown.set(`func stack of ${code.name}`, names.join(', ') || 'empty');
  }
  for (const code of kallsyms.objects.get(undefined)?.codes ?? []) {
    if (code.ops.length > 0) shown.set(`ftrace ops of ${code.name}`, String(code.ops.length));
  }
  const { transition } = livepatch;
  shown.set(
    'transition',
    transition ? `${patchName(transition.patch)} ${transition.target}` : 'none',
  );
  for (let task = 0; task < tasks.length; task += 1) {
    const pid = pidOf(tasks, task);
    if (pid < 400) continue;
    shown.set(`patch_state of ${pid}`, String(tasks.patchState[task]));
    shown.set(`TIF_PATCH_PENDING of ${pid}`, String(tasks.patchPending[task]));
  }
  return shown;
}

/** An order once more, a line for each step that anybody could notice. */
function narrate(world: World, choices: readonly Choice[]): string[] {
  const { kernel, history } = world;
  const lines: string[] = [];
  for (const { taken } of choices) {
    const before = facts(kernel);
    const told = history.length;
    doStep(kernel, taken, new Map());
    const changes = [...facts(kernel)]
      .filter(([name, value]) => before.get(name) !== value)
      .map(([name, value]) => `${name} = ${value}`);
    const gone = [...before.keys()]
      .filter((name) => !facts(kernel).has(name))
      .map((name) => `no ${name} any more`);
    const what = [...history.slice(told), ...changes, ...gone];
    if (what.length > 0) lines.push(`cpu ${taken}: ${what.join('; ')}`);
  }
  return lines;
}
