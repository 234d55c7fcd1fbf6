/** Dates, without a platform's help. */

/**
 * How far local time is ahead of UTC, from the TZ of a zone without changes, such as `<+0130>-01:30`;
 * 0 for all others. Source: tzset(3): what it says is how far local time is behind.
 */
export function utcOffsetSeconds(zone: string): number {
  const match = /^(?:<[^>]+>|[A-Za-z]{3,})([+-]?)(\d{1,2})(?::(\d\d))?$/.exec(zone);
  if (!match) return 0;
  const behind = Number(match[2]) * 3600 + Number(match[3] ?? 0) * 60;
  return match[1] === '-' || behind === 0 ? behind : -behind;
}

export interface Moment {
  readonly year: number;
  /** From 0. */
  readonly month: number;
  readonly day: number;
  /** From 0, Sunday. */
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const DAY_SECONDS = 24 * 3600;
/** 1970-01-01 in days since 0000-03-01: years that begin in March have their leap day at the end. */
const EPOCH_DAYS = 719_468;
const ERA_DAYS = 146_097;

/** Seconds since 1970-01-01 00:00:00 as a date of the Gregorian calendar. */
export function toMoment(seconds: number): Moment {
  const days = Math.floor(seconds / DAY_SECONDS);
  const ofDay = seconds - days * DAY_SECONDS;
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / ERA_DAYS);
  const ofEra = shifted - era * ERA_DAYS;
  const yearOfEra = Math.floor(
    (ofEra -
      Math.floor(ofEra / 1460) +
      Math.floor(ofEra / 36_524) -
      Math.floor(ofEra / (ERA_DAYS - 1))) /
      365,
  );
  const ofYear =
    ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * ofYear + 2) / 153);
  const month = (marchMonth + 2) % 12;
  return {
    year: era * 400 + yearOfEra + (month < 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
    weekday: (((days + 4) % 7) + 7) % 7,
    hour: Math.floor(ofDay / 3600),
    minute: Math.floor(ofDay / 60) % 60,
    second: ofDay % 60,
  };
}
