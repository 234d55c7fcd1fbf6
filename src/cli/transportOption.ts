/** How a machine is to be mounted, where there is a choice. */
import { Option } from 'commander';
import { TRANSPORT_CHOICES } from '../../mount/transport.ts';

/** `--transport`, the same for all commands that start a machine. */
export function transportOption(): Option {
  return new Option('--transport <name>', 'how to speak FUSE: by itself, or by libfuse 2')
    .choices(TRANSPORT_CHOICES)
    .default('auto');
}
