/** /proc/PID/stack and /proc/PID/wchan: where in the kernel a task is. */
import type { Code } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import { framesOf } from '../engine/sched/stack.ts';
import { runStateOf, stackOf, type Task } from '../engine/sched/task.ts';

/** in_sched_functions(): code that only switches tasks is left out. */
const SCHED_FUNCTIONS: ReadonlySet<string> = new Set([
  '__schedule',
  'schedule',
  'schedule_timeout',
  'schedule_hrtimeout_range',
  'schedule_hrtimeout_range_clock',
  'io_schedule',
  'do_nanosleep',
]);

/** The newest frame first. Source: proc_pid_stack(), save_stack_address_nosched(). */
export function showStack(kernel: Kernel, task: Task): string {
  let text = '';
  for (const { name, sizeBytes, module } of framesOutsideScheduler(kernel, task)) {
    const size = sizeBytes.toString(16);
    const offset = (sizeBytes / 2).toString(16);
    text += `[<0>] ${name}+0x${offset}/0x${size}${module ? ` [${module.name}]` : ''}\n`;
  }
  return text;
}

/** No newline. Source: proc_pid_wchan(). */
export function showWchan(kernel: Kernel, task: Task): string {
  return wchanOf(kernel, task)?.name ?? '0';
}

/** The function that a task sleeps in. Source: get_wchan(). */
export function wchanOf(kernel: Kernel, task: Task): Code | undefined {
  if (runStateOf(kernel.tasks, task) === 'runnable') return undefined;
  return framesOutsideScheduler(kernel, task).next().value;
}

function* framesOutsideScheduler({ tasks }: Kernel, task: Task): Generator<Code, undefined> {
  for (const code of framesOf(stackOf(tasks, task))) {
    if (!SCHED_FUNCTIONS.has(code.name)) yield code;
  }
  return undefined;
}
