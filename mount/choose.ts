/** Which transport serves a mount. */
import { devfuse } from './devfuse/transport.ts';
import { fuseNative } from './fuseNative/transport.ts';
import { mayMount } from './privileges.ts';
import type { Transport, TransportChoice } from './transport.ts';

/** `auto` takes devfuse where this process may mount, and fuse-native elsewhere. */
export function chooseTransport(choice: TransportChoice): Transport {
  switch (choice) {
    case 'auto':
      return mayMount() ? devfuse : fuseNative;
    case 'devfuse':
      return devfuse;
    case 'fuse-native':
      return fuseNative;
  }
}
