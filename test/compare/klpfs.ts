/** Asks klpfs: each sequence on a machine of its own, mounted for it, in a guest as the replay's. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import type { Session } from '../../mount/session.ts';
import {
  allEnded,
  compileTools,
  mountDescribed,
  type RecordedRelease,
  requireGuest,
  runScript,
} from '../recordings/guest.ts';
import { type Answer, parseAnswers } from './answers.ts';
import { scriptOf } from './script.ts';
import type { Sequence } from './steps.ts';

const RECORDINGS = join(import.meta.dirname, '../recordings');
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
    const several = pLimit(GUESTS);
    const one = pLimit(1);
    const onMachine = async (sequence: Sequence, number: number): Promise<Answer> => {
      const machine = join(folder, String(number));
      const session = await one(() => mountFor(kernel, machine));
      try {
        return await runSequence(kernel, machine, sequence);
      } finally {
        await session.unmount('lazy');
      }
    };
    return await allEnded(
      sequences.map((sequence, number) => several(() => onMachine(sequence, number))),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** fuse-native mounts one after the other. */
function mountFor({ release, cpus }: Kernel, machine: string): Promise<Session> {
  const file = join(RECORDINGS, `linux-${release}`, 'machine.yaml');
  return mountDescribed(machine, file, { cpus, speed: SPEED });
}

async function runSequence(kernel: Kernel, machine: string, sequence: Sequence): Promise<Answer> {
  const script = `${machine}.sh`;
  await writeFile(script, scriptOf([sequence]));
  const tools = join(dirname(machine), 'tools');
  const output = await runScript({ machine, tools, release: kernel.release, script });
  const { whole, part } = parseAnswers(output);
  return whole[0] ?? part;
}
