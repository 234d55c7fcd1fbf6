/** What a run says, as tables: of peers, of klpfs alone, and of the figures to reach. */
import { formatNumber, type Measured, medianOf } from './measured.ts';
import { OPERATIONS } from './operations.ts';
import { PEERS } from './peers.ts';

export interface Column {
  readonly title: string;
  readonly measure: string;
}

// biome-ignore format: the columns are the point
export const COLUMNS: readonly Column[] = [
  { title: 'pread',       measure: 'pread, p50 us' },
  { title: 'p99',         measure: 'pread, p99 us' },
  { title: 'cpu',         measure: 'pread, cpu us' },
  { title: 'orc',         measure: 'open+read+close, p50 us' },
  { title: 'orc deep',    measure: 'open+read+close deep, p50 us' },
  { title: 'stat deep',   measure: 'stat, p50 us' },
  { title: 'write',       measure: 'write, p50 us' },
  { title: 'not bound',   measure: 'pread, not bound, p50 us' },
  { title: 'x1, per s',   measure: 'pread, per second' },
  { title: 'x4, per s',   measure: 'pread, 4 clients, per second' },
  { title: 'x16, per s',  measure: 'pread, 16 clients, per second' },
  { title: 'x16 cpu',     measure: 'pread, 16 clients, cpu us' },
  { title: 'x16 p99',     measure: 'pread, 16 clients, p99 us' },
  { title: 'read x <f',   measure: 'read x <f, ms' },
  { title: 'while read',  measure: 'while read, ms' },
];

/** A row for each peer, beginning with its name; none that was not measured. */
export function peerRows(measured: Measured): string[][] {
  return PEERS.map(({ name }) => [
    name,
    ...COLUMNS.map(({ measure }) => formatNumber(medianOf(measured, measure, name))),
  ]).filter(([, ...values]) => values.some((value) => value !== '-'));
}

/** A row for each measure in which there are no peers: its name, and its value of each subject. */
export function otherRows(measured: Measured, measures: readonly string[]): string[][] {
  return measures
    .filter((measure) => !isOfPeers(measure))
    .map((measure) => [
      measure,
      Object.keys(measured[measure] ?? {})
        .map((subject) => `${subject} ${formatNumber(medianOf(measured, measure, subject))}`)
        .join('; '),
    ]);
}

function isOfPeers(measure: string): boolean {
  return OPERATIONS.some(({ name }) => measure.startsWith(`${name}, `));
}
