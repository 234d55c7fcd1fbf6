/** `klpfs run`, alone and with the kernel's selftests. */
import { resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { CLI, median, print, ROUNDS, run } from './benchmark.ts';

const SELFTESTS = resolve(import.meta.dirname, '../../scripts/kernel-selftests');
/** All six scripts of 6.1 on a real kernel in QEMU, on two cpus. */
const VIRTUAL_MACHINE_S = 118.6;

export async function benchRun(): Promise<void> {
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    seconds.push(await secondsOf(CLI, ['run', '--', 'true']));
  }
  print(`klpfs run -- true       ${median(seconds).toFixed(2)} s (limit 0.60)`);
}

export async function benchSelftests(): Promise<void> {
  await run(SELFTESTS, ['6.1', '--speed', '100', 'test-shadow-vars.sh']);
  for (const [speed, limit] of [
    ['1', 75],
    ['10', 20],
  ] as const) {
    const seconds = await secondsOf(SELFTESTS, ['6.1', '--speed', speed]);
    const ratio = VIRTUAL_MACHINE_S / seconds;
    print(
      `selftests, speed ${speed.padEnd(3)}    ${seconds.toFixed(1)} s (limit ${limit}); a virtual machine ${VIRTUAL_MACHINE_S} s = ${ratio.toFixed(1)} times as long`,
    );
  }
}

async function secondsOf(command: string, args: readonly string[]): Promise<number> {
  const before = performance.now();
  await run(command, args);
  return (performance.now() - before) / 1000;
}
