/** dmesg -J. Source: util-linux 2.38, sys-utils/dmesg.c:print_record(), lib/jsonwrt.c. */
import type { LogRecord } from '../engine/printk.ts';
import { secondsText } from './dmesgFormat.ts';
import { FACILITIES, LEVELS } from './syslogNames.ts';

/** Nothing at all where there are no records. */
export function jsonText(records: readonly LogRecord[], decode: boolean): string {
  const objects = records
    .filter(({ text }) => text !== '')
    .map((record) => {
      const fields = [
        ...priorityFields(record, decode),
        `"time": ${secondsText(record.timeUs)}`,
        `"msg": ${JSON.stringify(record.text)}`,
      ];
      return `{\n${fields.map((field) => `         ${field}`).join(',\n')}\n      }`;
    });
  if (objects.length === 0) return '';
  return `{\n   "dmesg": [\n      ${objects.join(',')}\n   ]\n}\n`;
}

function priorityFields({ priority }: LogRecord, decode: boolean): string[] {
  const facility = FACILITIES[priority >> 3];
  const level = LEVELS[priority & 7];
  if (facility === undefined || level === undefined) return [];
  if (decode) return [`"fac": ${JSON.stringify(facility)}`, `"pri": ${JSON.stringify(level)}`];
  return [`"pri": ${(priority >> 3) | (priority & 7)}`];
}
