/** Durations as people write them: `500ms`, `2s`, `1.5s`, `10us`, `1m`. */
import { assert } from '../abi/errno.ts';
import { NS_PER_MS, NS_PER_SECOND, NS_PER_US } from '../engine/clock.ts';

const NS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['us', NS_PER_US],
  ['ms', NS_PER_MS],
  ['s', NS_PER_SECOND],
  ['m', 60 * NS_PER_SECOND],
]);

/** The duration in nanoseconds; undefined unless `durationProblem` has nothing to say. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(text) ?? [];
  const ns = Math.round(Number(number) * (NS_PER_UNIT.get(unit) ?? Number.NaN));
  return Number.isSafeInteger(ns) ? ns : undefined;
}

/** What the schema has found to be a duration, in nanoseconds. */
export function toNanoseconds(text: string): number {
  const durationNs = parseDuration(text);
  assert(durationNs !== undefined, `${text} is a duration`);
  return durationNs;
}

/** Why it is no duration, or undefined if it is one. */
export function durationProblem(value: unknown): string | undefined {
  const text = String(value);
  if (text.startsWith('-')) return `${text} is negative: time goes forward only`;
  if (typeof value === 'string' && parseDuration(value) !== undefined) return undefined;
  const units = [...NS_PER_UNIT.keys()].join(', ');
  if (/^[\d.]+$/.test(text)) return `${text} lacks its unit: one of ${units}, as in 500ms`;
  return `must be a duration such as 500ms or 1.5s (units: ${units})`;
}
