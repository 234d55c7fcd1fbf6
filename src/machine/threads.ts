/** Every thread that a description has: the processes and kthreads, and the threads beside them. */
import type { MachineDescription, ThreadDescription } from './description.ts';
import type { Path } from './machineError.ts';

export interface DescribedThread {
  readonly described: ThreadDescription;
  readonly path: Path;
  readonly kthread: boolean;
}

export function* walkThreads({ tasks }: MachineDescription): Generator<DescribedThread, void> {
  for (const [index, task] of tasks.entries()) {
    const { kthread = false, threads = [] } = task;
    const path = ['tasks', index];
    yield { described: task, path, kthread };
    for (const [number, described] of threads.entries()) {
      yield { described, path: [...path, 'threads', number], kthread };
    }
  }
}
