/**
 * What a real kernel answered is what klpfs answers: recordings of the oracle's probes, replayed on
 * mounted machines. The differences are listed, and each of them has to be there.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DIFFERENCES, withDifferences } from './differences.ts';
import { type Probe, replay } from './guest.ts';
import { normalise } from './normalise.ts';
import { parseRecording, type Recorded, transcript } from './recording.ts';

const PROBES: readonly Probe[] = [
  { name: '01-tree' },
  { name: '02a-writes-no-change' },
  { name: '03-reads' },
  { name: '04-namespace-ops' },
  { name: '02b-writes-disable' },
  { name: '05-transition' },
  { name: '06a-failures' },
  { name: '07-dyndbg' },
  { name: '08-dyndbg-grammar' },
];
/** Three minutes where nothing else runs. */
const REPLAY_MS = 1_200_000;
const REPLAYS_MORE = 2;

const recordings = PROBES.map(({ name }) => ({ name, records: readRecording(name) }));
let replays: ReadonlyMap<string, readonly Recorded[]>;

beforeAll(async () => {
  replays = await replayUndisturbed();
}, REPLAY_MS);

describe.each(recordings)('$name', ({ name, records }) => {
  for (const recorded of records) {
    test(recorded.id, () => {
      const replayed = replays.get(name)?.find(({ id }) => id === recorded.id);
      if (!replayed) expect.fail('the probe did not get here');
      expect(normalise(transcript(replayed))).toBe(expected(recorded));
    });
  }

  test('nothing is replayed that was not recorded', () => {
    const ids = replays.get(name)?.map(({ id, cmd }) => ({ id, cmd }));
    expect(ids).toEqual(records.map(({ id, cmd }) => ({ id, cmd })));
  });
});

test('every difference is one of a record', () => {
  const ids = new Set(recordings.flatMap(({ records }) => records.map(({ id }) => id)));
  expect(DIFFERENCES.flatMap((difference) => difference.ids).filter((id) => !ids.has(id))).toEqual(
    [],
  );
});

/**
 * Recordings have the timing of a real machine, and a host that is busy with something else can
 * disturb it: a probe that differs is replayed again. What really differs, differs each time.
 */
async function replayUndisturbed(): Promise<ReadonlyMap<string, readonly Recorded[]>> {
  const latest = new Map(await replay(PROBES));
  for (let again = 0; again < REPLAYS_MORE; again += 1) {
    const disturbed = PROBES.filter(({ name }) => differs(name, latest.get(name) ?? []));
    if (disturbed.length === 0) break;
    for (const [name, records] of await replay(disturbed)) latest.set(name, records);
  }
  return latest;
}

function differs(name: string, replayed: readonly Recorded[]): boolean {
  const records = recordings.find((recording) => recording.name === name)?.records ?? [];
  return records.some((recorded, index) => {
    const answer = replayed[index];
    return !answer || normalise(transcript(answer)) !== expected(recorded);
  });
}

function expected(recorded: Recorded): string {
  return withDifferences(recorded.id, normalise(transcript(recorded)));
}

function readRecording(name: string): Recorded[] {
  return parseRecording(
    readFileSync(join(import.meta.dirname, 'linux-6.1', `${name}.jsonl`), 'utf8'),
  );
}
