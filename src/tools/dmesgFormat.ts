/** Records as dmesg(1) prints them. Source: util-linux 2.38, sys-utils/dmesg.c:print_record(). */
import { encodeUtf8 } from '../abi/bytes.ts';
import type { LogRecord } from '../engine/printk.ts';
import { FACILITIES, LEVELS } from './syslogNames.ts';
import { type Moment, toMoment } from './zone.ts';

/** The names of --time-format, and what is printed without it. */
export const TIME_FORMATS = ['notime', 'ctime', 'delta', 'reltime', 'iso'] as const;
export type TimeFormat = (typeof TIME_FORMATS)[number] | 'time';

export interface FormatOptions {
  readonly time: TimeFormat;
  readonly raw?: boolean;
  readonly decode?: boolean;
  readonly showDelta?: boolean;
  readonly forcePrefix?: boolean;
  readonly noEscape?: boolean;
  /** When the machine was booted, in local time. */
  readonly bootSeconds?: number;
  readonly offsetSeconds?: number;
}

/** Takes one record after the other: some stamps depend on the record before. */
export type Format = (record: Printed) => string;

type Printed = Pick<LogRecord, 'priority' | 'timeUs' | 'text'>;

const US_PER_SECOND = 1_000_000;

export function createFormat(options: FormatOptions): Format {
  const stamp = options.raw ? stampRaw : createStamp(options);
  return (record) => {
    if (record.text === '') return '\n';
    const prefix = `${options.raw ? '' : decode(record, options)}${stamp(record)}`;
    const text = options.noEscape ? record.text : escapeText(record.text);
    if (options.forcePrefix) return text.replace(/\n*([^\n]+)\n*/g, `${prefix}$1\n`);
    return `${prefix}${text.replace(/\n(?!$)/g, `\n${' '.repeat(prefix.length)}`)}\n`;
  };
}

/** `[   12.000345]`. */
export function formatStamp(timeUs: number): string {
  return `[${secondsText(timeUs)}]`;
}

export function secondsText(timeUs: number): string {
  const seconds = String(Math.floor(timeUs / US_PER_SECOND)).padStart(5);
  return `${seconds}.${String(timeUs % US_PER_SECOND).padStart(6, '0')}`;
}

/** LOG_MAKEPRI() of the C library does not shift the facility, and so it is printed. */
function stampRaw({ priority, timeUs }: Printed): string {
  return `<${(priority >> 3) | (priority & 7)}>${formatStamp(timeUs)} `;
}

function decode({ priority }: Printed, { decode: wanted = false }: FormatOptions): string {
  const facility = FACILITIES[priority >> 3];
  const level = LEVELS[priority & 7];
  if (!wanted || facility === undefined || level === undefined) return '';
  return `${facility.padEnd(6)}:${level.padEnd(6)}: `;
}

function createStamp(options: FormatOptions): (record: Printed) => string {
  const { time, showDelta = false, bootSeconds = 0, offsetSeconds = 0 } = options;
  let lastUs: number | undefined;
  let lastMinute: number | undefined;
  const delta = (timeUs: number): number => {
    // A time of 0 is none yet.
    const passedUs = lastUs ? timeUs - lastUs : 0;
    lastUs = timeUs;
    return passedUs / US_PER_SECOND;
  };
  const momentOf = (timeUs: number) => toMoment(bootSeconds + Math.floor(timeUs / US_PER_SECOND));
  const deltaText = (timeUs: number) => `<${delta(timeUs).toFixed(6).padStart(12)}>`;

  return ({ timeUs }) => {
    switch (time) {
      case 'iso':
        return `${isoTime(momentOf(timeUs), timeUs, offsetSeconds)} `;
      case 'ctime':
        return `[${ctime(momentOf(timeUs))}${showDelta ? ` ${deltaText(timeUs)}` : ''}] `;
      case 'time':
        return showDelta
          ? `[${secondsText(timeUs)} ${deltaText(timeUs)}] `
          : `${formatStamp(timeUs)} `;
      case 'reltime':
        return showDelta ? `[${deltaText(timeUs)}] ` : relative(timeUs);
      case 'delta':
        return `[${deltaText(timeUs)}] `;
      case 'notime':
        return showDelta ? `[${deltaText(timeUs)}] ` : '';
    }
  };

  /** The minute where a new one begins, else how long it has been. */
  function relative(timeUs: number): string {
    const passed = delta(timeUs);
    const minute = Math.floor((bootSeconds + Math.floor(timeUs / US_PER_SECOND)) / 60);
    if (minute !== lastMinute) {
      lastMinute = minute;
      const { month, day, hour, minute: ofHour } = momentOf(timeUs);
      return `[${MONTHS[month]}${String(day).padStart(2)} ${two(hour)}:${two(ofHour)}] `;
    }
    const signed = `${passed < 0 ? '' : '+'}${passed.toFixed(6)}`;
    return passed < 10 ? `[  ${signed}] ` : `[ ${signed.padStart(9)}] `;
  }
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function ctime({ year, month, day, weekday, hour, minute, second }: Moment): string {
  const date = `${WEEKDAYS[weekday]} ${MONTHS[month]} ${String(day).padStart(2)}`;
  return `${date} ${two(hour)}:${two(minute)}:${two(second)} ${year}`;
}

/** `2013-06-13T22:11:00,123456+01:00`. */
function isoTime(moment: Moment, timeUs: number, offsetSeconds: number): string {
  const { year, month, day, hour, minute, second } = moment;
  const micros = String(timeUs % US_PER_SECOND).padStart(6, '0');
  const ahead = Math.abs(offsetSeconds) / 60;
  const zone = `${offsetSeconds < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
  const date = `${year}-${two(month + 1)}-${two(day)}`;
  return `${date}T${two(hour)}:${two(minute)}:${two(second)},${micros}${zone}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

/** What is neither printable nor space becomes \xNN. Source: safe_fwrite(). */
export function escapeText(text: string): string {
  return text.replace(/[^\P{C}\s]|\ufffd/gu, (unprintable) =>
    [...encodeUtf8(unprintable)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}
