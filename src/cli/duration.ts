/** Durations on the command line. */

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
type Unit = keyof typeof UNIT_MS;

/** `500ms`, `1.5s`, `2m`, `1h`, or seconds without a unit, in milliseconds; undefined for else. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  return match ? Number(match[1]) * UNIT_MS[(match[2] ?? 's') as Unit] : undefined;
}

/** `0.25s`, `90s`: seconds to the microsecond, as short as they can be written. */
export function formatSeconds(durationMs: number): string {
  return `${Number((durationMs / 1000).toFixed(6))}s`;
}
