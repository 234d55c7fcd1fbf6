/** Which transport the mounts of this run of the tests have: each runs them all. */
import { inject } from 'vitest';
import { chooseTransport } from '../../mount/choose.ts';
import type { TransportChoice } from '../../mount/transport.ts';

declare module 'vitest' {
  interface ProvidedContext {
    transport: TransportChoice;
  }
}

export const TRANSPORT_CHOICE = inject('transport');
/** What a test expects where the transports differ; each difference is one of the documents. */
export function byTransport<T>(expected: Readonly<Record<'devfuse' | 'fuse-native', T>>): T {
  return TRANSPORT.name === 'devfuse' ? expected.devfuse : expected['fuse-native'];
}

export const TRANSPORT = chooseTransport(TRANSPORT_CHOICE);
