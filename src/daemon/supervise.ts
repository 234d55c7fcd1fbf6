/** From signals to the end of a mount: nothing is left behind. */
import type { Logger } from 'pino';
import type { Session } from '../../mount/session.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** EX_SOFTWARE of sysexits.h. */
const CRASHED = 70;

/**
 * Unmounts on the first signal; on the second whatever uses the mount is cut off. Resolves when the
 * mount is gone, whoever took it away.
 */
export async function superviseSession(session: Session, logger: Logger): Promise<void> {
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    signals += 1;
    logger.info({ signal }, signals === 1 ? 'unmounting' : 'unmounting by force');
    session.unmount(signals === 1 ? 'plain' : 'lazy').catch((error: unknown) => {
      logger.warn({ err: error }, 'not unmounted; a second signal forces it');
    });
  };
  const onCrash = (error: unknown) => {
    logger.fatal({ err: error }, 'crashed');
    void session.unmount('lazy').finally(() => process.exit(CRASHED));
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('uncaughtException', onCrash);
  const reason = await session.closed;
  for (const signal of SIGNALS) process.off(signal, onSignal);
  process.off('uncaughtException', onCrash);
  logger.info({ reason }, 'closed');
}
