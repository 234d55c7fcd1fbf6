/** Tasks as tests need them. */
import {
  startTask,
  type TaskDefinition,
  type ThreadDefinition,
} from '../../src/engine/sched/start.ts';
import type { Machine } from './machine.ts';

export function aTask(overrides: Partial<TaskDefinition> = {}): TaskDefinition {
  return {
    comm: 'task',
    pid: undefined,
    kthread: false,
    cpu: 0,
    program: [],
    threads: [],
    ...overrides,
  };
}

export function aThread(overrides: Partial<ThreadDefinition> = {}): ThreadDefinition {
  return { comm: 'thread', pid: undefined, cpu: 0, program: [], ...overrides };
}

/**
 * A user process with the pid 4242 that sleeps inside the functions, the outermost first, until it
 * is woken; then it sleeps outside of them, and exits when it is woken again.
 */
export function sleeperIn(machine: Machine, ...functions: string[]): void {
  startTask(
    machine.kernel,
    aTask({
      comm: 'sleeper',
      pid: 4242,
      program: [
        { kind: 'sleep', functions, state: 'interruptible', durationNs: undefined },
        { kind: 'sleep', functions: [], state: 'interruptible', durationNs: undefined },
        { kind: 'exit' },
      ],
    }),
  );
  machine.advance(0);
}
