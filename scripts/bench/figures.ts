/** What klpfs has to reach: a row for each figure. */
import { memoryAfter, TRIALS } from './endurance.ts';
import {
  callOf,
  FIRST_LOADS,
  LAST_LOADS,
  PATCHED,
  PATCHED_MACHINES,
  QUICK_REQUESTS,
  requestOf,
  requestsWhile,
  SITUATIONS,
  turnsWhile,
} from './engine.ts';
import { formatNumber, KLPFS, type Measured, medianOf } from './measured.ts';
import { FUSE_NATIVE_1_S } from './peers.ts';
import { CROWDS, eventLoopDuring, requestsDuring } from './transitions.ts';

export interface Figure {
  readonly name: string;
  /** Undefined if this run has not measured it. */
  readonly value: (measured: Measured) => number | undefined;
  readonly direction: 'at most' | 'at least';
  readonly target: number;
  readonly unit: string;
}

type Value = Figure['value'];

function of(measure: string, subject: string = KLPFS): Value {
  return (measured) => medianOf(measured, measure, subject);
}

/** By medians. */
function ratio(dividend: Value, divisor: Value): Value {
  return (measured) => {
    const above = dividend(measured);
    const below = divisor(measured);
    return above === undefined || below === undefined ? undefined : above / below;
  };
}

/** klpfs's value by somebody else's. */
const against = (peer: string, measure: string) => ratio(of(measure), of(measure, peer));
/** How many times as long it takes somebody else. */
const faster = (peer: string, measure: string) => ratio(of(measure, peer), of(measure));

const most = (name: string, value: Value, target: number, unit = 'times'): Figure => ({
  name,
  value,
  direction: 'at most',
  target,
  unit,
});
const least = (name: string, value: Value, target: number): Figure => ({
  ...most(name, value, target),
  direction: 'at least',
});

const PREAD = 'pread, p50 us';
const PREAD_16 = 'pread, 16 clients';
const DEEP = 'open+read+close deep, p50 us';
/** With fewer, what a machine costs by itself counts. */
const CROWDED = [100_000, 1_000_000];

/** `a / b`: by how much a value of klpfs may exceed that of a peer, or the other way round. */
// biome-ignore format: the columns are the point
export const FIGURES: readonly Figure[] = [
  most('pread of enabled: klpfs / C', against('C', PREAD), 2.2),
  most('open+read+close six levels down: klpfs / C, 1 s', against('C, 1 s', DEEP), 1.6),
  least('preads of 16 clients per second: klpfs / C, 1 s', against('C, 1 s', `${PREAD_16}, per second`), 0.8),
  most('cpu per pread of 16 clients: klpfs / C, 1 s', against('C, 1 s', `${PREAD_16}, cpu us`), 2),
  least('pread: lxcfs / klpfs', faster('lxcfs', PREAD), 3),
  least('pread: pyfuse3 / klpfs', faster('pyfuse3', PREAD), 3),
  least(`pread: ${FUSE_NATIVE_1_S} / klpfs`, faster(FUSE_NATIVE_1_S, PREAD), 2.5),
  most('bash, while read: klpfs / C, 1 s', against('C, 1 s', 'while read, ms'), 1.3),
  most('bash, read x <f: klpfs / C, 1 s', against('C, 1 s', 'read x <f, ms'), 1.3),
  ...TRIALS.map(({ operation, early, late }) => most(`memory after ${late} ${operation} / after ${early}`, ratio(of(memoryAfter(late, operation)), of(memoryAfter(early, operation))), 1.05)),
  most('mount to first answer', of('mount to first answer, s'), 0.35, 's'),
  most('klpfs --help', of('klpfs --help, ms'), 120, 'ms'),
  most('klpfs run -- true', of('klpfs run -- true, s'), 0.6, 's'),
  most('memory of the default machine', of('memory of the default machine, MB'), 80, 'MB'),
  ...CROWDS.map((tasks) => most(`requests among ${tasks} tasks, p99`, of(requestsDuring(tasks)), 10, 'ms')),
  ...CROWDS.map((tasks) => most(`event loop among ${tasks} tasks, p99.9`, of(eventLoopDuring(tasks)), 5, 'ms')),
  ...SITUATIONS.map((situation) => most(`requests while 1 000 000 tasks are ${situation}, p99`, of(requestsWhile(situation)), 10, 'ms')),
  ...SITUATIONS.map((situation) => most(`event loop while 1 000 000 tasks are ${situation}, p99.9`, of(turnsWhile(situation)), 5, 'ms')),
  ...QUICK_REQUESTS.map((kind) => most(`request without FUSE, ${kind}`, of(requestOf(kind)), 0.5, 'us')),
  ...PATCHED.map((situation) => most(`call, ${situation} / unpatched`, ratio(of(callOf(situation)), of(callOf('unpatched'))), 5)),
  most('enabling 10 000 functions', of('enabling 10000 functions, ms'), 100, 'ms'),
  ...CROWDED.map((tasks) => most(`memory of each of ${tasks} tasks`, of(`bytes for each of ${tasks} tasks`), 200, 'bytes')),
  most('a machine of 1 000 000 tasks, from YAML to ready', of('cpu ms to boot of 1000000 tasks'), 3000, 'ms'),
  most('a pass over 1 000 000 tasks', of('cpu ms for a pass of 1000000 tasks'), 100, 'ms'),
  ...PATCHED_MACHINES.map(({ name }) => most(`1000 patches on ${name}: last loads / first`, ratio(of(LAST_LOADS, name), of(FIRST_LOADS, name)), 2)),
  most('ls -f proc of 100 000 tasks', of('ls -f proc of 100000 tasks, s'), 1, 's'),
  most('klpfs ps of 100 000 tasks', of('klpfs ps of 100000 tasks, s'), 1, 's'),
  most('selftests', of('selftests at speed 1, s'), 75, 's'),
  most('selftests at ten times the speed', of('selftests at speed 10, s'), 20, 's'),
];

export interface Result {
  readonly figure: Figure;
  /** Undefined if this run has not measured it. */
  readonly value: number | undefined;
  readonly verdict: 'ok' | 'MISSED' | '-';
}

export function judge(measured: Measured): Result[] {
  return FIGURES.map((figure) => {
    const value = figure.value(measured);
    return { figure, value, verdict: value === undefined ? '-' : verdictOn(figure, value) };
  });
}

function verdictOn({ direction, target }: Figure, value: number): 'ok' | 'MISSED' {
  const reached = direction === 'at most' ? value <= target : value >= target;
  return reached ? 'ok' : 'MISSED';
}

/** As cells of a table: name, value, target, verdict. */
export function resultCells({ figure, value, verdict }: Result): string[] {
  const { name, direction, target, unit } = figure;
  return [name, formatNumber(value), `${direction} ${target} ${unit}`, verdict];
}
