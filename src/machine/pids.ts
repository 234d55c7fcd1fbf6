/** Whether every task can have the pids that it wants. */
import { type MachineDescription, PID_MAX } from './description.ts';
import type { Finding } from './document.ts';
import type { Path } from './machineError.ts';
import { walkThreads } from './threads.ts';

/** The pids of one entry of `tasks`, or of its `threads`. */
interface PidRange {
  readonly order: number;
  readonly path: Path;
  readonly first: number;
  readonly last: number;
}

export function* findPidContradictions(
  machine: MachineDescription,
  lineOf: (path: Path) => number,
): Generator<Finding> {
  const ranges: PidRange[] = [];
  for (const { described, path } of walkThreads(machine)) {
    const { pid, count = 1 } = described;
    if (pid === undefined) continue;
    const last = pid + count - 1;
    ranges.push({ order: ranges.length, path, first: pid, last });
    if (last <= PID_MAX) continue;
    const message = `${count} tasks from pid ${pid} on would go beyond ${PID_MAX}`;
    yield { path: [...path, 'count'], message };
  }
  for (const [a, b] of overlaps(ranges)) {
    const [earlier, later] = a.order < b.order ? [a, b] : [b, a];
    const line = lineOf(earlier.path);
    const message = `${Math.max(a.first, b.first)} is taken by the task on line ${line}`;
    yield { path: [...later.path, 'pid'], message };
  }
}

/** Each range that overlaps with one before it, and one that it overlaps with. */
function* overlaps(ranges: readonly PidRange[]): Generator<[PidRange, PidRange], void> {
  const ascending = ranges.toSorted((a, b) => a.first - b.first || a.order - b.order);
  let widest: PidRange | undefined;
  for (const range of ascending) {
    if (widest && range.first <= widest.last) yield [widest, range];
    if (!widest || range.last > widest.last) widest = range;
  }
}
