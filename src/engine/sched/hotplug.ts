/**
 * Cpus that go and come while the machine runs.
 *
 * The last one and cpu 0, which boots the machine, stay.
 *
 * Source: kernel/cpu.c:_cpu_down(), kernel/sched/core.c:migrate_tasks().
 */
import { KernelError } from '../../abi/errno.ts';
import type { Kernel } from '../kernel.ts';
import { type Queue, takeFirst } from '../queue.ts';
import type { Context } from './context.ts';
import { BOOT_CPU, type Cpu } from './cpu.ts';
import { walkTasks } from './pass.ts';
import { enqueueTask, stopSpendingTime } from './scheduler.ts';
import { cpuOf, kindOf, type Task } from './task.ts';
import { betweenSteps } from './wait.ts';

/**
 * Takes a cpu offline, or back online.
 *
 * @throws KernelError ENODEV for a cpu that the machine lacks, EINVAL if it is so already, EBUSY
 * for cpu 0.
 */
export function* setCpuOnline(kernel: Kernel, id: number, online: boolean): Context {
  const cpu = kernel.cpus[id];
  if (!cpu) throw new KernelError('ENODEV', `there is no cpu ${id}`);
  if (id === BOOT_CPU && !online)
    throw new KernelError('EBUSY', 'cpu 0 boots the machine, and stays');

  let isSoAlready = false;
  yield* betweenSteps(kernel, () => {
    isSoAlready = cpu.online === online;
    if (isSoAlready) return;
    if (online) cpu.online = true;
    else takeOffline(kernel, cpu);
  });
  if (isSoAlready) {
    throw new KernelError('EINVAL', `cpu ${id} is ${online ? 'online' : 'offline'}`);
  }
}

function* drain(queue: Queue<Task>): Generator<Task> {
  for (;;) {
    const task = takeFirst(queue);
    if (task === undefined) return;
    yield task;
  }
}

/** Everything that is on the cpu, or would wake up on it, moves to cpu 0. */
function takeOffline(kernel: Kernel, cpu: Cpu): void {
  const moved: Task[] = [];
  if (cpu.current !== cpu.idle) {
    stopSpendingTime(kernel, cpu);
    moved.push(cpu.current);
  }
  moved.push(...drain(cpu.runQueue), ...drain(cpu.computing));
  cpu.current = cpu.idle;
  cpu.needResched = false;
  cpu.online = false;

  const { tasks } = kernel;
  const migrate = (task: Task) => {
    if (cpuOf(tasks, task) === cpu.id && kindOf(tasks, task) !== 'idle') tasks.cpu[task] = BOOT_CPU;
  };
  for (const _slice of walkTasks(tasks, migrate));
  for (const task of moved) enqueueTask(kernel, task);
}
