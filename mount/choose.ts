/** Which transport serves a mount. */
import { devfuse } from './devfuse/transport.ts';
import { fuseNative } from './fuseNative/transport.ts';
import { MountError } from './mountError.ts';
import type { Transport, TransportChoice } from './transport.ts';

/** The best first. */
const TRANSPORTS: readonly Transport[] = [...devfuse, fuseNative];

/** The best that works here. Throws `MountError` where none does of those that are asked for. */
export function chooseTransport(choice: TransportChoice): Transport {
  const asked = TRANSPORTS.filter(({ name }) => choice === 'auto' || choice === name);
  const best = asked.find(({ missing }) => missing() === undefined);
  if (best) return best;
  const wanted = asked.map(({ way, missing }) => `${way} needs ${missing()}`);
  throw new MountError('no-transport', `${choice} cannot mount here: ${wanted.join('; ')}`);
}
