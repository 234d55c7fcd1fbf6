/** The daemon's own log: the engine's events as fields. The kernel log is another matter. */
import type { Logger } from 'pino';
import type { KernelEvent } from '../engine/events.ts';

/** Tells the log what the kernel announces; chatter about single tasks only at debug level. */
export function logEvents(logger: Logger): (event: KernelEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'bug':
        logger.error({ err: event.error, where: event.where }, 'bug');
        return;
      case 'task-held-up':
        logger.debug(event, event.type);
        return;
      case 'printk':
        logger.debug({ level: event.level, text: event.text }, event.type);
        return;
      default:
        logger.info(event, event.type);
    }
  };
}
