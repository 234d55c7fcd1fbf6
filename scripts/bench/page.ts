/** The part of docs/performance.md that a run of the bench fills in, and its chart. */
import { drawChart, type Panel } from './chart.ts';
import { judge, resultCells } from './figures.ts';
import type { KeptRun } from './keptRun.ts';
import { formatNumber, KLPFS, type Measured, medianOf } from './measured.ts';
import { PEERS, REAL_SYSFS } from './peers.ts';
import { COLUMNS, otherRows, peerRows } from './report.ts';

const BEGIN = '<!-- measured: written by scripts/performance-page -->';
const END = '<!-- measured: end -->';

// biome-ignore format: the columns are the point
const PANELS = [
  { title: 'pread of an attribute, median in us (less is better)',              measure: 'pread, p50 us' },
  { title: 'open+read+close six levels down, median in us (less is better)',    measure: 'open+read+close deep, p50 us' },
  { title: 'preads per second, 16 clients (more is better)',                    measure: 'pread, 16 clients, per second' },
  { title: 'cpu time of the server per pread, 16 clients, in us (less is better)', measure: 'pread, 16 clients, cpu us' },
];

/** The page with what the run measured between its two marks. Throws if they are not there. */
export function fillPage(page: string, run: KeptRun): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page has no ${BEGIN} and ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n${describe(run)}${page.slice(end)}`;
}

/** The chart of a run. */
export function drawRun({ measured }: KeptRun): string {
  return drawChart(PANELS.map((panel) => toPanel(panel, measured)));
}

function describe({ date, host, transport, rounds, measured }: KeptRun): string {
  const { cpu, cpus, arch, linux, node } = host;
  return [
    `${date}: ${cpu}, ${cpus} cpus (${arch}), Linux ${linux}, Node.js ${node}; klpfs over ${transport}; medians of ${rounds} rounds.`,
    '',
    '![Bars of the most important columns of the second table](performance.svg)',
    '',
    ...markdownTable(
      ['figure', 'value', 'target', ''],
      judge(measured)
        .filter(({ value }) => value !== undefined)
        .map(resultCells),
    ),
    '',
    ...markdownTable(['', ...COLUMNS.map(({ title }) => title)], peerRows(measured)),
    '',
    ...markdownTable(['without peers', 'median'], otherRows(measured, Object.keys(measured))),
    '',
  ].join('\n');
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/** FUSE file systems only: beside what takes no process at all their bars would all look the same. */
function toPanel({ title, measure }: (typeof PANELS)[number], measured: Measured): Panel {
  const bars = PEERS.flatMap(({ name }) => {
    const value = medianOf(measured, measure, name);
    if (value === undefined || name === REAL_SYSFS) return [];
    const emphasis = name === KLPFS ? ('ours' as const) : ('others' as const);
    return [{ label: name, value, text: formatNumber(value), emphasis }];
  });
  return { title, bars };
}
