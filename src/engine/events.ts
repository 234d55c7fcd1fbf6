/**
 * What happened, as data. The kernel log and the daemon's log are made from these.
 */
import type { Kernel } from './kernel.ts';
import type { KlpEvent } from './livepatch/events.ts';
import { describeKlpEvent } from './livepatch/printk.ts';
import type { ModuleEvent } from './module/events.ts';
import { describeModuleEvent } from './module/events.ts';
import { type Line, LOG_LEVEL, logLine } from './printk.ts';

export type KernelEvent =
  | KlpEvent
  | ModuleEvent
  /** A line as somebody printed it: a module, a callback, a function body, the boot. */
  | { readonly type: 'printk'; readonly level: number; readonly text: string }
  /** Something of ours, or a module's, threw what no errno stands for. */
  | { readonly type: 'bug'; readonly where: string; readonly error: unknown };

/** Logs the event, if it has a line, and tells the listeners. */
export function emit(kernel: Kernel, event: KernelEvent): void {
  for (const line of describe(event)) logLine(kernel, line);
  const { listeners, taskListeners } = kernel;
  for (const listener of event.type === 'task-held-up' ? taskListeners : listeners) listener(event);
}

function describe(event: KernelEvent): readonly Line[] {
  switch (event.type) {
    case 'printk':
      return [event];
    case 'bug':
      return [{ level: LOG_LEVEL.error, text: `klpfs: bug in ${event.where}: ${event.error}` }];
    case 'module-tainting-out-of-tree':
    case 'module-tainting-livepatch':
    case 'module-tainting-unsigned':
    case 'module-unknown-parameter':
    case 'module-invalid-parameter':
    case 'module-init-suspicious':
    case 'module-unknown-symbol':
    case 'module-loaded':
    case 'module-removed':
      return describeModuleEvent(event);
    default:
      return [describeKlpEvent(event)];
  }
}
