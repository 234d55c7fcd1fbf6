/**
 * Interrupts: handlers that run on a cpu on top of whatever it executes.
 *
 * A handler is no task. What it calls follows the patch state of the task that it interrupts; if
 * that one computes in user space, it goes back there by way of what every return has to notice.
 *
 * Source: arch/x86/kernel/irq.c:do_IRQ(), arch/x86/entry/common.c:prepare_exit_to_usermode().
 */
import { assert, KernelError } from '../../abi/errno.ts';
import { runBody } from '../call.ts';
import { setTimer } from '../clock.ts';
import { emit } from '../events.ts';
import { lookupName } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { LOG_LEVEL } from '../printk.ts';
import { type Context, isContext } from './context.ts';
import { BOOT_CPU, type Cpu } from './cpu.ts';
import { enterByName, referTo } from './enter.ts';
import { stopSpendingTime } from './scheduler.ts';
import { commOf, pidOf, stackOf } from './task.ts';
import { betweenSteps } from './wait.ts';

/** An interrupt that comes again and again. */
export interface InterruptDefinition {
  readonly cpu: number;
  readonly periodNs: number;
  /** What its handler calls, one function inside the other. */
  readonly functions: readonly string[];
}

/** What calls handlers. Source: kernel/irq/handle.c. */
const HANDLER_CALLER = '__handle_irq_event_percpu';

/** Runs a handler that calls functions, one inside the other; what the innermost does is done. */
export function interrupt(kernel: Kernel, cpuId: number, functions: readonly string[]): void {
  const wanted = kernel.cpus[cpuId];
  const cpu = wanted?.online ? wanted : kernel.cpus[BOOT_CPU];
  assert(cpu, 'a machine without cpus');
  const { tasks } = kernel;
  const interrupted = stackOf(tasks, cpu.current);
  const { current } = kernel;
  kernel.current = cpu.current;
  let caller = lookupName(kernel.kallsyms, HANDLER_CALLER);
  for (const name of functions) {
    enterByName(kernel, cpu.current, referTo(name), caller);
    caller = stackOf(tasks, cpu.current).code;
  }
  if (stackOf(tasks, cpu.current) !== interrupted) runHandler(kernel, cpu);
  tasks.stack[cpu.current] = interrupted;
  kernel.current = current;
  stopSpendingTime(kernel, cpu);
}

/** From now on the interrupt comes. */
export function scheduleInterrupt(kernel: Kernel, definition: InterruptDefinition): void {
  const { cpu, periodNs, functions } = definition;
  setTimer(kernel.timers, kernel.clock.nowNs + periodNs, () => {
    interrupt(kernel, cpu, functions);
    scheduleInterrupt(kernel, definition);
  });
}

function runHandler(kernel: Kernel, cpu: Cpu): void {
  const { code } = stackOf(kernel.tasks, cpu.current);
  const answer = code && runBody(kernel, code);
  if (answer === undefined || !isContext(answer)) return;
  if (answer.next('woken').done) return;
  answer.return(0);
  const who = `${commOf(kernel.tasks, cpu.current)}/${pidOf(kernel.tasks, cpu.current)}`;
  const text = `BUG: scheduling while atomic: ${who}/${HARDIRQ_OFFSET}`;
  emit(kernel, { type: 'printk', level: LOG_LEVEL.error, text });
}

/** preempt_count() in an interrupt. Source: include/linux/preempt.h. */
const HARDIRQ_OFFSET = '0x00010000';

/**
 * An interrupt that somebody asked for.
 *
 * @throws KernelError ENODEV for a cpu that the machine lacks or that is offline, EINVAL for an
 * unknown function.
 */
export function* interruptByRequest(
  kernel: Kernel,
  cpuId: number,
  functions: readonly string[],
): Context {
  const cpu = kernel.cpus[cpuId];
  if (!cpu?.online) {
    throw new KernelError(
      'ENODEV',
      `${cpu ? `cpu ${cpuId} is offline` : `there is no cpu ${cpuId}`}`,
    );
  }
  const unknown = functions.find((name) => !lookupName(kernel.kallsyms, name));
  if (unknown !== undefined) throw new KernelError('EINVAL', `there is no function '${unknown}'`);
  yield* betweenSteps(kernel, () => interrupt(kernel, cpuId, functions));
}
