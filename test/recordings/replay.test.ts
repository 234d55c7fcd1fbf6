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
];
/** A minute where nothing else runs. */
const REPLAY_MS = 300_000;

const recordings = PROBES.map(({ name }) => ({ name, records: readRecording(name) }));
let replays: ReadonlyMap<string, readonly Recorded[]>;

beforeAll(async () => {
  replays = await replay(PROBES);
}, REPLAY_MS);

describe.each(recordings)('$name', ({ name, records }) => {
  for (const recorded of records) {
    test(recorded.id, () => {
      const replayed = replays.get(name)?.find(({ id }) => id === recorded.id);
      if (!replayed) expect.fail('the probe did not get here');
      const linux = normalise(transcript(recorded));
      expect(normalise(transcript(replayed))).toBe(withDifferences(recorded.id, linux));
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

function readRecording(name: string): Recorded[] {
  return parseRecording(
    readFileSync(join(import.meta.dirname, 'linux-6.1', `${name}.jsonl`), 'utf8'),
  );
}
