/**
 * What a real kernel answered is what klpfs answers: recordings of the oracle's probes, replayed on
 * mounted machines. The differences are listed, and each of them has to be there.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { DIFFERENCES, withDifferences } from './differences.ts';
import { besideProbe, type Probe, replay } from './guest.ts';
import { normalise } from './normalise.ts';
import { parseRecording, type Recorded, transcript } from './recording.ts';

const ON_BOTH = [
  '09-replace',
  '10-replace-more',
  '11-force',
  '12-callbacks',
  '13-callbacks-more',
  '14-states',
  '15-parameters',
  '17-signals',
  '18-release',
];
const ON_6_1 = [
  '01-tree',
  '02a-writes-no-change',
  '03-reads',
  '04-namespace-ops',
  '02b-writes-disable',
  '05-transition',
  '06a-failures',
  '07-dyndbg',
  '08-dyndbg-grammar',
];
const ON_6_12 = ['02a-writes-no-change', '06a-failures', '07-dyndbg', '08-dyndbg-grammar'];
const ALL: readonly Probe[] = [
  ...[...ON_6_1, ...ON_BOTH].map((name) => ({ release: '6.1', name }) as const),
  ...[...ON_6_12, ...ON_BOTH].map((name) => ({ release: '6.12', name }) as const),
];
/** `KLPFS_PROBES=09-replace,6.12/14-states`: only these, while somebody works on them. */
const WANTED = process.env['KLPFS_PROBES']?.split(',');
const PROBES = ALL.filter(
  ({ release, name }) => WANTED?.some((wanted) => `${release}/${name}`.endsWith(wanted)) ?? true,
);
/** Some minutes where nothing else runs. */
const REPLAY_MS = 2_400_000;
const REPLAYS_MORE = 2;

const recordings = PROBES.map((probe) => ({ probe, records: readRecording(probe) }));
let replays: ReadonlyMap<Probe, readonly Recorded[]>;

beforeAll(async () => {
  replays = await replayUndisturbed();
}, REPLAY_MS);

describe.each(recordings)('$probe.release $probe.name', ({ probe, records }) => {
  for (const recorded of records) {
    test(recorded.id, () => {
      const replayed = replays.get(probe)?.find(({ id }) => id === recorded.id);
      if (!replayed) expect.fail('the probe did not get here');
      expect(normalise(transcript(replayed))).toBe(expected(probe, recorded));
    });
  }

  test('nothing is replayed that was not recorded', () => {
    const ids = replays.get(probe)?.map(({ id, cmd }) => ({ id, cmd }));
    expect(ids).toEqual(records.map(({ id, cmd }) => ({ id, cmd })));
  });
});

test.skipIf(WANTED)('every difference is one of a record', () => {
  const strange = DIFFERENCES.flatMap(({ ids, releases }) =>
    ids.filter(
      (wanted) =>
        !recordings.some(
          ({ probe, records }) =>
            (releases?.includes(probe.release) ?? true) && records.some(({ id }) => id === wanted),
        ),
    ),
  );
  expect(strange).toEqual([]);
});

/**
 * Recordings have the timing of a real machine, and a host that is busy with something else can
 * disturb it: a probe that differs is replayed again. What really differs, differs each time.
 */
async function replayUndisturbed(): Promise<ReadonlyMap<Probe, readonly Recorded[]>> {
  const latest = new Map(await replay(PROBES.toSorted((a, b) => lengthOf(b) - lengthOf(a))));
  for (let again = 0; again < REPLAYS_MORE; again += 1) {
    const disturbed = PROBES.filter((probe) => differs(probe, latest.get(probe) ?? []));
    if (disturbed.length === 0) break;
    for (const [probe, records] of await replay(disturbed)) latest.set(probe, records);
  }
  return latest;
}

/** How long it took on Linux, seconds. The longest begin first, so that nobody waits for them alone. */
function lengthOf(probe: Probe): number {
  const records = recordings.find((recording) => recording.probe === probe)?.records ?? [];
  return (records.at(-1)?.t0 ?? 0) - (records[0]?.t0 ?? 0);
}

function differs(probe: Probe, replayed: readonly Recorded[]): boolean {
  const records = recordings.find((recording) => recording.probe === probe)?.records ?? [];
  return records.some((recorded, index) => {
    const answer = replayed[index];
    return !answer || normalise(transcript(answer)) !== expected(probe, recorded);
  });
}

function expected({ release }: Probe, recorded: Recorded): string {
  return withDifferences(release, recorded.id, normalise(transcript(recorded)));
}

function readRecording(probe: Probe): Recorded[] {
  return parseRecording(readFileSync(besideProbe(probe, `${probe.name}.jsonl`), 'utf8'));
}
