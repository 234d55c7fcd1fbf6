/** What was measured: every value, so that whoever keeps a run can look again. */

/** By measure, such as `pread, p50 us`, and by whom it was measured of; in the order of the rounds. */
export type Measured = Record<string, Record<string, number[]>>;

/** Of whom, unless peers are measured, or several machines. */
export const KLPFS = 'klpfs';
/** Measured once, elsewhere, and kept as a number. */
export const VIRTUAL_MACHINE = 'a virtual machine';

export function note(
  measured: Measured,
  [measure, subject]: readonly [measure: string, subject: string],
  value: number,
): void {
  measured[measure] ??= {};
  measured[measure][subject] ??= [];
  measured[measure][subject].push(value);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Undefined if nobody measured it. */
export function medianOf(measured: Measured, measure: string, subject: string) {
  const values = measured[measure]?.[subject];
  return values && median(values);
}

/** Three digits, or all before the point. */
export function formatNumber(value: number | undefined): string {
  if (value === undefined) return '-';
  if (value >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}
