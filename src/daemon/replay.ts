/** A machine that lives a recorded life again, without a mount. */
import { bootKernel } from '../engine/boot.ts';
import type { Kernel } from '../engine/kernel.ts';
import { loadModule } from '../engine/module/loader.ts';
import type { ModuleDefinition } from '../engine/module/model.ts';
import { formatKmsg } from '../engine/printk.ts';
import type { Context } from '../engine/sched/context.ts';
import { interruptRequest, startRequest } from '../engine/sched/request.ts';
import { runMachine } from '../engine/sched/run.ts';
import type { Task } from '../engine/sched/task.ts';
import { toBootOptions } from '../machine/bootOptions.ts';
import { builtinModules } from '../modules/builtin.ts';
import { ROOT } from '../sysfs/inode.ts';
import { type Answer, type Directory, isContext, type Node, type OpenFile } from '../sysfs/node.ts';
import { mountedTree } from '../sysfs/root.ts';
import { REPLAYED_HOST_VERBS } from './hostVerbs.ts';
import { MachineLoop } from './machineLoop.ts';
import {
  decodeBytes,
  type Moment,
  type RecordedInput,
  type RecordedOpen,
  type RecordingEnd,
} from './recordFormat.ts';
import type { Recording } from './replayFile.ts';
import { panelOf } from './verbs.ts';

/** What came of a replay. */
export interface Replay {
  /** The machine at its end. */
  readonly kernel: Kernel;
  /** The kernel log of the replay, as /dev/kmsg shows it, without newlines. */
  readonly log: readonly string[];
  readonly verdict: Verdict;
}

export type Verdict =
  | { readonly kind: 'equal' }
  /** The recording has no end, so there is no log to compare with. */
  | { readonly kind: 'cut-off' }
  /** An input could not be repeated at all. */
  | { readonly kind: 'strayed'; readonly input: RecordedInput; readonly reason: string }
  | ({ readonly kind: 'different' } & Difference);

/** Where two logs begin to differ; undefined is the end of a log. */
export interface Difference {
  readonly recorded: string | undefined;
  readonly replayed: string | undefined;
  /** The last input that came before the line. */
  readonly after: RecordedInput | undefined;
}

/** `modules` are those that the recorded daemon had beyond the built-in ones. */
export function replay(recording: Recording, modules: readonly ModuleDefinition[] = []): Replay {
  const { inputs, end } = recording;
  const machine = new ReplayedMachine(recording, modules);
  const strayed = repeatAll(machine, inputs);
  if (end && !strayed) machine.advanceTo(end);
  const log = machine.kernel.log.records.map((record) => formatKmsg(record).slice(0, -1));
  return { kernel: machine.kernel, log, verdict: strayed ?? judge(machine, end, log) };
}

function judge(
  machine: ReplayedMachine,
  end: RecordingEnd | undefined,
  log: readonly string[],
): Verdict {
  if (!end) return { kind: 'cut-off' };
  const difference = findDifference(end.log, log, machine);
  return difference ? { kind: 'different', ...difference } : { kind: 'equal' };
}

function repeatAll(machine: ReplayedMachine, inputs: readonly RecordedInput[]) {
  for (const input of inputs) {
    try {
      machine.advanceTo(input);
      machine.repeat(input);
    } catch (error) {
      if (!(error instanceof Strayed)) throw error;
      return { kind: 'strayed', input, reason: error.message } as const;
    }
  }
  return undefined;
}

function findDifference(
  recorded: readonly string[],
  replayed: readonly string[],
  machine: ReplayedMachine,
): Difference | undefined {
  const length = Math.max(recorded.length, replayed.length);
  for (let index = 0; index < length; index += 1) {
    if (recorded[index] === replayed[index]) continue;
    const sequence = machine.kernel.log.records[index]?.sequence;
    const after = machine.inputBefore(sequence);
    return { recorded: recorded[index], replayed: replayed[index], after };
  }
  return undefined;
}

/** The replay is no longer where the recording is. */
class Strayed extends Error {}

class ReplayedMachine {
  readonly kernel: Kernel;
  readonly #root: Directory;
  #steps = 0;
  readonly #files = new Map<number, OpenFile>();
  /** By the number of the input that they come from. */
  readonly #contexts = new Map<number, Context<unknown>>();
  readonly #tasks = new Map<number, Task>();
  /** Inputs, with the sequence number of the record that was next to be logged. */
  readonly #repeated: { readonly input: RecordedInput; readonly sequence: number }[] = [];

  constructor({ header, manifests }: Recording, extra: readonly ModuleDefinition[]) {
    const modules = [...builtinModules, ...extra, ...manifests.values()];
    this.kernel = bootKernel(toBootOptions(header.machine, modules, header.boot_time_ms));
    // Verbs want a loop to move a manual clock; here the recording says how far time moves.
    const loop = new MachineLoop(this.kernel, { kind: 'manual' }, () => {});
    const panel = panelOf(header.machine, loop, REPLAYED_HOST_VERBS);
    this.#root = mountedTree(this.kernel, panel).root;
  }

  /** Does as many steps as the recorded machine had done, and moves time as far. */
  advanceTo({ steps, ns }: Moment): void {
    while (this.#steps < steps) {
      if (this.#run(ns, steps)) {
        throw new Strayed(`the machine had done ${steps} steps, but rests after ${this.#steps}`);
      }
    }
    this.kernel.clock.nowNs = Math.max(this.kernel.clock.nowNs, ns);
  }

  /** True when nothing is left to do until then. A bug is a step, as in the loop of the daemon. */
  #run(untilNs: number, steps: number): boolean {
    try {
      return runMachine(this.kernel, untilNs, () => {
        this.#steps += 1;
        return this.#steps === steps;
      });
    } catch {
      this.#steps += 1;
      return false;
    }
  }

  repeat(input: RecordedInput): void {
    this.#repeated.push({ input, sequence: this.kernel.log.nextSequence });
    switch (input.do) {
      case 'load':
        this.#contexts.set(input.n, loadModule(this.kernel, input.name, []));
        return;
      case 'open':
        this.#files.set(input.file, this.#open(input));
        return;
      case 'read':
        this.#answer(input.n, () => this.#file(input.file).read(input.offset, input.size));
        return;
      case 'write': {
        const data = decodeBytes(input);
        this.#answer(input.n, () => this.#file(input.file).write(input.offset, data));
        return;
      }
      case 'release':
        this.#answer(input.n, () => this.#file(input.file).release());
        this.#files.delete(input.file);
        return;
      case 'change':
        attempt(() => this.#find(input.path).change({ mode: input.mode }));
        return;
      case 'start':
        this.#start(input.of);
        return;
      case 'interrupt':
        interruptRequest(this.kernel, this.#task(input.of));
    }
  }

  inputBefore(sequence = Number.POSITIVE_INFINITY): RecordedInput | undefined {
    return this.#repeated.findLast((repeated) => repeated.sequence <= sequence)?.input;
  }

  #start(of: number): void {
    const context = this.#contexts.get(of);
    if (!context) throw new Strayed(`input ${of} needs no task`);
    this.#contexts.delete(of);
    this.#tasks.set(
      of,
      startRequest(this.kernel, context, () => {}),
    );
  }

  #answer(n: number, operation: () => Answer<unknown>): void {
    const answer = attempt(operation);
    if (answer !== undefined && isContext(answer)) this.#contexts.set(n, answer);
  }

  #open({ path, flags, pid }: RecordedOpen): OpenFile {
    const node = this.#find(path);
    if (node.kind !== 'file') throw new Strayed(`${path} is no file`);
    const caller = pid === undefined ? undefined : { pid, ...ROOT };
    const file = attempt(() => node.open(flags, caller));
    if (!file) throw new Strayed(`${path} cannot be opened`);
    return file;
  }

  #find(path: string): Node {
    let node: Node | undefined = this.#root;
    for (const name of path.split('/').filter(Boolean)) {
      node = node?.kind === 'directory' ? node.lookup(name) : undefined;
    }
    if (!node) throw new Strayed(`there is no ${path}`);
    return node;
  }

  #file(file: number): OpenFile {
    const open = this.#files.get(file);
    if (!open) throw new Strayed(`file ${file} is not open`);
    return open;
  }

  #task(of: number): Task {
    const task = this.#tasks.get(of);
    if (task === undefined) throw new Strayed(`input ${of} was never started`);
    return task;
  }
}

/** What the kernel refuses, or a bug prevents, it did in the recording as well. */
function attempt<T>(operation: () => T): T | undefined {
  try {
    return operation();
  } catch (error) {
    if (error instanceof Strayed) throw error;
    return undefined;
  }
}
