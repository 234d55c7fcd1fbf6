/** From a run that was kept to figures, the page and its chart. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { drawChart } from '../../scripts/bench/chart.ts';
import { memoryAfter } from '../../scripts/bench/endurance.ts';
import { FIRST_LOADS, LAST_LOADS, requestOf } from '../../scripts/bench/engine.ts';
import { FIGURES, judge, resultCells } from '../../scripts/bench/figures.ts';
import { readRun } from '../../scripts/bench/keptRun.ts';
import { formatNumber, median } from '../../scripts/bench/measured.ts';
import { drawRun, fillPage } from '../../scripts/bench/page.ts';
import { PEERS, REAL_SYSFS } from '../../scripts/bench/peers.ts';
import { COLUMNS, peerRows } from '../../scripts/bench/report.ts';

/** What `--long --json` has kept, of the run that docs/performance.md shows. */
const RUN = readRun(resolve(import.meta.dirname, 'run.json'));
const PAGE = readFileSync(resolve(import.meta.dirname, '../../docs/performance.md'), 'utf8');
const MARKS = /(?<=<!-- measured: written by .* -->\n).*(?=<!-- measured: end -->)/s;

test('a long run has a value for every figure and column', () => {
  expect(judge(RUN.measured).filter(({ verdict }) => verdict === '-')).toEqual([]);
  expect(COLUMNS.filter(({ measure }) => RUN.measured[measure] === undefined)).toEqual([]);
  expect(peerRows(RUN.measured).map(([name]) => name)).toEqual(PEERS.map(({ name }) => name));
});

test('a figure is judged by medians, and not at all if it was not measured', () => {
  const measured = {
    'pread, p50 us': { klpfs: [10, 9, 100], C: [5, 4, 5], lxcfs: [27, 30, 20], pyfuse3: [26] },
    [memoryAfter(100_000, 'pread')]: { klpfs: [70] },
    [memoryAfter(10_000_000, 'pread')]: { klpfs: [74] },
    'klpfs --help, ms': { klpfs: [120] },
    [requestOf('lookup')]: { klpfs: [0.04] },
    [FIRST_LOADS]: { '4.15, own functions': [1], '6.1, own functions': [1] },
    [LAST_LOADS]: { '4.15, own functions': [2.5], '6.1, same functions': [1] },
    'cpu ms to boot of 1000000 tasks': { klpfs: [976] },
  };
  const results = judge(measured);
  expect(results).toHaveLength(FIGURES.length);
  expect(results.filter(({ value }) => value !== undefined).map(resultCells)).toEqual([
    ['pread of enabled: klpfs / C', '2.00', 'at most 2.2 times', 'ok'],
    ['pread: lxcfs / klpfs', '2.70', 'at least 3 times', 'MISSED'],
    ['pread: pyfuse3 / klpfs', '2.60', 'at least 3 times', 'MISSED'],
    ['memory after 10000000 pread / after 100000', '1.06', 'at most 1.05 times', 'MISSED'],
    ['klpfs --help', '120', 'at most 120 ms', 'ok'],
    ['request without FUSE, lookup', '0.0400', 'at most 0.5 us', 'ok'],
    ['a machine of 1 000 000 tasks, from YAML to ready', '976', 'at most 3000 ms', 'ok'],
    [
      '1000 patches on 4.15, own functions: last loads / first',
      '2.50',
      'at most 2 times',
      'MISSED',
    ],
  ]);
});

test.each<[values: number[], expected: number]>([
  [[3], 3],
  [[9, 1, 5], 5],
  [[10, 9, 100, 8, 11], 10],
])('the median of %j is %s', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test.each<[value: number | undefined, text: string]>([
  [0.5512, '0.551'],
  [8.5, '8.50'],
  [99.96, '100'],
  [12345.6, '12346'],
  [undefined, '-'],
])('%s is written %s', (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

test('the page keeps its text, and shows the run between its marks', () => {
  const page = fillPage(PAGE, RUN);
  expect(page.replace(MARKS, '')).toBe(PAGE.replace(MARKS, ''));
  expect(fillPage(page, RUN)).toBe(page);
  const [shown = ''] = MARKS.exec(page) ?? [];
  const figures = judge(RUN.measured).filter(({ value }) => value !== undefined);
  for (const { name } of [...PEERS, ...figures.map(({ figure }) => figure)])
    expect(shown).toContain(`| ${name} | `);
  expect(shown).toContain(`klpfs over ${RUN.transport}; medians of ${RUN.rounds} rounds`);
  expect(shown).toContain('(performance.svg)');
});

test('a page without marks is refused', () => {
  expect(() => fillPage('# A page\n', RUN)).toThrow('the page has no <!-- measured');
});

test('a bar is as long as its value, and what is written on it is escaped', () => {
  const bar = { text: 'n', emphasis: 'others' } as const;
  const chart = drawChart([
    {
      title: 'a <title>',
      bars: [
        { ...bar, label: 'x & y', value: 4 },
        { ...bar, label: 'z', value: 1 },
      ],
    },
  ]);
  const [longer = 0, shorter = 0] = widths(chart);
  expect(longer / shorter).toBeCloseTo(4);
  expect(chart).toContain('>a &#60;title&#62;</text>');
  expect(chart).toContain('>x &#38; y</text>');
});

test('the chart of a run has a bar for everybody with a server, and ours stands out', () => {
  const chart = drawRun(RUN);
  expect(widths(chart).every((width) => width >= 1)).toBe(true);
  const panels = chart.match(/class="title"/g)?.length ?? 0;
  expect(chart.match(/class="ours"/g)).toHaveLength(panels);
  expect(chart.match(/>klpfs<\/text>\n<rect class="ours"/g)).toHaveLength(panels);
  const shown = PEERS.filter(({ name }) => chart.includes(`>${name}</text>`));
  expect(PEERS.filter((peer) => !shown.includes(peer))).toMatchObject([{ name: REAL_SYSFS }]);
});

function widths(chart: string): number[] {
  return [...chart.matchAll(/<rect .*width="([\d.]+)"/g)].map(([, width]) => Number(width));
}
