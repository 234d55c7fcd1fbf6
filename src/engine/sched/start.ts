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
  for (const { pid, threads } of definitions) {
    if (pid !== undefined) reservedPids.add(pid);
    for (const thread of threads) if (thread.pid !== undefined) reservedPids.add(thread.pid);
  }
  const compile = createCompiler();
  for (const [index, definition] of definitions.entries()) {
    addStartedTask(kernel, definition, index, compile);
  }
  reservedPids.clear();
}

/** Adds a task that begins its program at once, on the first cpu unless it names one. */
export function startTask(kernel: Kernel, definition: TaskDefinition): Task {
  return addStartedTask(kernel, definition, 0, createCompiler());
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

/** `turn`: which of all cpus it gets if it asks for none, and its threads after it. */
function addStartedTask(
  kernel: Kernel,
  definition: TaskDefinition,
  turn: number,
  compile: Compile,
): Task {
  const kind = definition.kthread ? 'kthread' : 'user';
  const program = compile(definition.program);
  const leader = addRunnable(kernel, definition, turn, { kind, program });
  const tgid = pidOf(kernel.tasks, leader);
  for (const [index, thread] of definition.threads.entries()) {
    const created = { kind, tgid, program: compile(thread.program) } as const;
    joinProcess(kernel.tasks, addRunnable(kernel, thread, turn + index + 1, created), tgid);
  }
  return leader;
}

function addRunnable(
  kernel: Kernel,
  { comm, pid, cpu }: ThreadDefinition,
  turn: number,
  { kind, tgid, program }: Pick<NewTask, 'kind' | 'tgid' | 'program'>,
): Task {
  const wanted = cpu ?? turn % kernel.cpus.length;
  const online = kernel.cpus[wanted]?.online ? wanted : BOOT_CPU;
  const task = createTask(kernel, { comm, kind, cpu: online, pid, tgid, program });
  enqueueTask(kernel, task);
  return task;
}
