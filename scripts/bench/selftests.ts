/** How long the kernel's own selftests take. */
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { KLPFS, note, VIRTUAL_MACHINE } from './measured.ts';
import { run, SCRIPTS, timeMs } from './program.ts';

/** All six scripts of 6.1 on a real kernel in QEMU, on two cpus. */
const VIRTUAL_MACHINE_S = 118.6;
const SELFTESTS = join(SCRIPTS, 'kernel-selftests');

export async function benchSelftests({ measured }: Bench): Promise<void> {
  // Fetches the scripts where they are not there yet.
  await run(SELFTESTS, ['6.1', '--speed', '100', 'test-shadow-vars.sh']);
  for (const speed of ['1', '10']) {
    const ms = await timeMs(SELFTESTS, ['6.1', '--speed', speed]);
    note(measured, [`selftests at speed ${speed}, s`, KLPFS], ms / 1000);
  }
  note(measured, ['selftests at speed 1, s', VIRTUAL_MACHINE], VIRTUAL_MACHINE_S);
}
