/** From definitions to tasks that run. */
import type { Kernel } from '../kernel.ts';
import { BOOT_CPU } from './cpu.ts';
import { joinProcess } from './family.ts';
import { compileProgram, type Program, type Step } from './program.ts';
import { createTask, enqueueTask } from './scheduler.ts';
import { type NewTask, pidOf, type Task } from './task.ts';

export interface ThreadDefinition {
  readonly comm: string;
  /** Given, or the next that is free. */
  readonly pid: number | undefined;
  /** How many there are of it, one unless given: alike, but for pids that follow the first one's. */
  readonly count?: number;
  /** Given, or one cpu after the other. */
  readonly cpu: number | undefined;
  /** Empty: it sleeps until it is woken. */
  readonly program: readonly Step[];
}

export interface TaskDefinition extends ThreadDefinition {
  readonly kthread: boolean;
  /** Of a process, beside the first. */
  readonly threads: readonly ThreadDefinition[];
}

/**
 * Adds tasks that begin their programs at once. Those without a cpu of their own are spread over
 * all; none gets a pid that another one asks for.
 */
export function startTasks(kernel: Kernel, definitions: readonly TaskDefinition[]): void {
  const { reservedPids } = kernel.tasks;
  for (const pid of pidsWantedBy(definitions)) reservedPids.add(pid);
  const compile = createCompiler();
  let turn = 0;
  for (const definition of definitions) {
    for (const pid of pidsOf(definition)) {
      startProcess({ kernel, compile, turn }, definition, pid);
      turn += 1;
    }
  }
  reservedPids.clear();
}

/** Adds a task that begins its program at once, on the first cpu unless it names one. */
export function startTask(kernel: Kernel, definition: TaskDefinition): Task {
  return startProcess({ kernel, compile: createCompiler(), turn: 0 }, definition, definition.pid);
}

/** Every pid that one of them, or of their threads, is to have. */
export function* pidsWantedBy(definitions: readonly TaskDefinition[]): Generator<number, void> {
  for (const definition of definitions) {
    for (const thread of [definition, ...definition.threads]) {
      for (const pid of pidsOf(thread)) if (pid !== undefined) yield pid;
    }
  }
}

function* pidsOf({ pid, count = 1 }: ThreadDefinition): Generator<number | undefined, void> {
  for (let index = 0; index < count; index += 1) yield pid === undefined ? undefined : pid + index;
}

type Compile = (steps: readonly Step[]) => Program;

/** Programs that many tasks have are compiled once. */
function createCompiler(): Compile {
  const compiled = new Map<readonly Step[], Program>();
  return (steps) => {
    const program = compiled.get(steps) ?? compileProgram(steps);
    compiled.set(steps, program);
    return program;
  };
}

/** Where tasks are started. `turn`: which of all cpus one gets if it asks for none. */
interface Start {
  readonly kernel: Kernel;
  readonly compile: Compile;
  readonly turn: number;
}

/** The leader, and its threads after it. */
function startProcess(start: Start, definition: TaskDefinition, pid: number | undefined): Task {
  const { kernel, compile } = start;
  const kind = definition.kthread ? 'kthread' : 'user';
  const program = compile(definition.program);
  const leader = addRunnable(start, definition, { pid, kind, program });
  const tgid = pidOf(kernel.tasks, leader);
  let { turn } = start;
  for (const thread of definition.threads) {
    const program = compile(thread.program);
    for (const pid of pidsOf(thread)) {
      turn += 1;
      const task = addRunnable({ ...start, turn }, thread, { pid, kind, tgid, program });
      joinProcess(kernel.tasks, task, tgid);
    }
  }
  return leader;
}

function addRunnable(
  { kernel, turn }: Start,
  { comm, cpu }: ThreadDefinition,
  created: Pick<NewTask, 'pid' | 'kind' | 'tgid' | 'program'>,
): Task {
  const wanted = cpu ?? turn % kernel.cpus.length;
  const online = kernel.cpus[wanted]?.online ? wanted : BOOT_CPU;
  const task = createTask(kernel, { comm, cpu: online, ...created });
  enqueueTask(kernel, task);
  return task;
}
