import { expect, test } from 'vitest';
import { durationProblem, parseDuration } from '../../src/machine/duration.ts';

// biome-ignore format: the columns are the point
test.each<[text: string, ns: number | undefined]>([
  ['500ms', 500_000_000],
  ['2s',    2_000_000_000],
  ['1.5s',  1_500_000_000],
  ['10us',  10_000],
  ['1m',    60_000_000_000],
  ['0s',    0],
  ['0.1us', 100],
  ['1',     undefined],
  ['s',     undefined],
  ['',      undefined],
  ['-1s',   undefined],
  ['+1s',   undefined],
  ['1e3s',  undefined],
  ['NaNs',  undefined],
  ['.5s',   undefined],
  ['1.s',   undefined],
  ['1h',    undefined],
  ['1 s',   undefined],
  ['1s ',   undefined],
  ['1S',    undefined],
  ['99999999999s', undefined],
])('%j is %s nanoseconds', (text, ns) => {
  expect(parseDuration(text)).toBe(ns);
  expect(durationProblem(text) === undefined).toBe(ns !== undefined);
});
