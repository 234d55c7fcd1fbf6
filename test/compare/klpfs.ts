/** Asks klpfs: each sequence on a machine of its own, mounted for it, in a guest as the replay's. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compileTools,
  mountDescribed,
  type RecordedRelease,
  requireGuest,
  runScript,
} from '../recordings/guest.ts';
import { type Answer, parseAnswers } from './answers.ts';
import { scriptOf } from './script.ts';
import type { Sequence } from './steps.ts';

const MACHINE = join(import.meta.dirname, '../recordings/linux-6.1/machine.yaml');
/** Virtual seconds per real second: steps wait by the machine's clock. */
const SPEED = 10;
/** Guests that run at a time: they wait for their shells as much as for machines. */
const GUESTS = 2;

/** Which kernel is asked, and on how many cpus. */
export interface Kernel {
  readonly release: RecordedRelease;
  readonly cpus: number;
}

export async function askKlpfs(kernel: Kernel, sequences: readonly Sequence[]): Promise<Answer[]> {
  await requireGuest();
  const folder = await mkdtemp(join(tmpdir(), 'klpfs-compare-'));
  try {
    await compileTools(join(folder, 'tools'));
    const answers: Answer[] = [];
    const queue = [...sequences.entries()];
    // fuse-native mounts one after the other.
    let mounted: Promise<unknown> = Promise.resolve();
    const serve = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [number, sequence] = next;
        const machine = join(folder, String(number));
        const session = mounted.then(() =>
          mountDescribed(machine, MACHINE, { ...kernel, speed: SPEED }),
        );
        mounted = session;
        await session;
        const script = `${machine}.sh`;
        await writeFile(script, scriptOf([sequence]));
        const tools = join(folder, 'tools');
        const output = await runScript({ machine, tools, release: kernel.release, script });
        const { whole, part } = parseAnswers(output);
        answers[number] = whole[0] ?? part;
        await (await session).unmount('lazy');
      }
    };
    await Promise.all(Array.from({ length: GUESTS }, serve));
    return answers;
  } finally {
    await rm(folder, { recursive: true });
  }
}
