/** dmesg(1): the kernel log, and where it begins. Source: util-linux 2.38, sys-utils/dmesg.c. */
import { ERRNO } from '../abi/errno.ts';
import { strerror } from '../abi/strerror.ts';
import { clearLog, type LogRecord, recordAt } from '../engine/printk.ts';
import type { Context } from '../engine/sched/context.ts';
import { waitOn } from '../engine/sched/wait.ts';
import { createFormat, type Format, TIME_FORMATS, type TimeFormat } from './dmesgFormat.ts';
import { jsonText } from './dmesgJson.ts';
import { getopt, type Option, type OptionTable } from './getopt.ts';
import { FACILITIES, LEVELS } from './syslogNames.ts';
import { EXIT_FAILURE, EXIT_SUCCESS, type Run } from './tool.ts';
import { utcOffsetSeconds } from './zone.ts';

const OPTIONS: OptionTable = {
  short: 'CcDdEeF:f:HhJkL::l:n:PprSs:TtuVWwx',
  long: {
    'buffer-size': 's:',
    clear: 'C',
    color: 'L::',
    'console-level': 'n:',
    'console-off': 'D',
    'console-on': 'E',
    decode: 'x',
    file: 'F:',
    facility: 'f:',
    follow: 'w',
    'follow-new': 'W',
    human: 'H',
    help: 'h',
    json: 'J',
    kernel: 'k',
    level: 'l:',
    since: 'since:',
    syslog: 'S',
    raw: 'r',
    'read-clear': 'c',
    reltime: 'e',
    'show-delta': 'd',
    ctime: 'T',
    noescape: 'noescape',
    notime: 't',
    nopager: 'P',
    until: 'until:',
    userspace: 'u',
    version: 'V',
    'time-format': 'time-format:',
    'force-prefix': 'p',
  },
};

/** Of each row at most one. Source: excl[]. */
const EXCLUSIVE = ['CDEcnr', 'Hr', 'Lr', 'Sw', 'Tr', 'dr', 'er', 'rx', 'rt'];
const SOURCE = 'util-linux 2.38.1';
const KERN = 0;

interface Settings {
  readonly given: ReadonlySet<string>;
  readonly time: TimeFormat;
  /** Undefined: all of them. */
  readonly levels: ReadonlySet<number> | undefined;
  readonly facilities: ReadonlySet<number> | undefined;
}

/** What was asked for is refused: lines for stderr, without the name of the program. */
class UsageError extends Error {}
const TRY_HELP = "\nTry 'dmesg --help' for more information.";

export function* dmesg(run: Run): Context<number> {
  let settings: Settings | number;
  try {
    settings = readSettings(run);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return fail(run, error.message);
  }
  return typeof settings === 'number' ? settings : yield* act(run, settings);
}

function* act(run: Run, settings: Settings): Context<number> {
  const { given } = settings;
  const { kernel } = run;
  const refused = strerror(ERRNO.EPERM.number);
  if (['D', 'E', 'n'].some((option) => given.has(option))) {
    return run.privileged ? EXIT_SUCCESS : fail(run, `klogctl failed: ${refused}`);
  }
  if (!given.has('C')) {
    if (!run.privileged) return fail(run, `read kernel buffer failed: ${refused}`);
    yield* printLog(run, settings);
    if (!given.has('c')) return EXIT_SUCCESS;
  }
  if (!run.privileged) return fail(run, `clear kernel buffer failed: ${refused}`);
  clearLog(kernel);
  return EXIT_SUCCESS;
}

function* printLog({ kernel, environment, output }: Run, settings: Settings): Context {
  const { log, clock } = kernel;
  const { given } = settings;
  const offsetSeconds = utcOffsetSeconds(environment.get('TZ') ?? '');
  const format = createFormat({
    time: settings.time,
    raw: given.has('r'),
    decode: given.has('x'),
    showDelta: given.has('d'),
    forcePrefix: given.has('p'),
    noEscape: given.has('noescape'),
    bootSeconds: Math.floor(clock.bootTimeMs / 1000) + offsetSeconds,
    offsetSeconds,
  });
  let next = given.has('W') ? log.nextSequence : log.clearSequence;
  const takeNew = (): LogRecord[] => {
    const records: LogRecord[] = [];
    for (let record = recordAt(log, next); record; record = recordAt(log, next)) {
      records.push(record);
      next = record.sequence + 1;
    }
    return records.filter((record) => isWanted(settings, record));
  };

  if (given.has('J')) {
    output.stdout(jsonText(takeNew(), given.has('x')));
    return;
  }
  output.stdout(formatAll(takeNew(), format));
  while (given.has('w') || given.has('W')) {
    if ((yield* output.drained()) === 'signal') return;
    if (!recordAt(log, next)) {
      const wakeup = yield* waitOn(kernel, log.readers, 'interruptible');
      if (wakeup === 'signal') return;
    }
    output.stdout(formatAll(takeNew(), format));
  }
}

function formatAll(records: readonly LogRecord[], format: Format): string {
  return records.map(format).join('');
}

/** A facility without a name is none. */
function isWanted({ levels, facilities }: Settings, { priority }: LogRecord): boolean {
  const facility = priority >> 3;
  if ((levels || facilities) && facility > FACILITIES.length) return false;
  return (levels?.has(priority & 7) ?? true) && (facilities?.has(facility) ?? true);
}

/** Or an exit code, where the program has done all it was asked for. */
function readSettings({ name, args, output }: Run): Settings | number {
  const { options, operands } = getopt(args, OPTIONS);
  const given = new Set<string>();
  let time: TimeFormat = 'time';
  let levels: Set<number> | undefined;
  let facilities: Set<number> | undefined;
  for (const found of options) {
    if ('complaint' in found) throw new UsageError(found.complaint + TRY_HELP);
    const { option, value = '' } = found;
    given.add(option);
    requireOneOfEach(given);
    time = timeFormatOf(found) ?? time;
    if (option === 'l') levels = parseList(value, 'level', LEVELS);
    if (option === 'n') parseConsoleLevel(value);
    if (option === 'f') facilities = merge(facilities, parseList(value, 'facility', FACILITIES));
    if (option === 'k') facilities = merge(facilities, [KERN]);
    if (option === 'u') facilities = merge(facilities, [...FACILITIES.keys()].slice(1));
    if (option === 'since' || option === 'until') {
      throw new UsageError(`invalid time value "${value}"`);
    }
    if (option === 'F') {
      throw new UsageError(`cannot open ${value}: ${strerror(ERRNO.ENOENT.number)}`);
    }
    if (option === 'h' || option === 'V') {
      output.stdout(option === 'V' ? `${name} from ${SOURCE}\n` : `\nUsage:\n ${name} [options]\n`);
      return EXIT_SUCCESS;
    }
  }
  if (operands.length > 0) throw new UsageError(`bad usage${TRY_HELP}`);
  return { given, time, levels, facilities };
}

function timeFormatOf(found: Option): TimeFormat | undefined {
  if (!('option' in found)) return undefined;
  switch (found.option) {
    case 'T':
      return 'ctime';
    case 't':
      return 'notime';
    case 'e':
    case 'H':
      return 'reltime';
    case 'time-format': {
      const known = TIME_FORMATS.find((format) => format === found.value);
      if (known === undefined) throw new UsageError(`unknown time format: ${found.value}`);
      return known;
    }
    default:
      return undefined;
  }
}

/** Source: lib/exclusive.h:err_exclusive_options(). */
function requireOneOfEach(given: ReadonlySet<string>): void {
  for (const row of EXCLUSIVE) {
    if ([...row].filter((option) => given.has(option)).length < 2) continue;
    const names = [...row].map((option) => ` --${longNameOf(option)}`);
    throw new UsageError(`mutually exclusive arguments:${names.join('')}`);
  }
}

function longNameOf(option: string): string {
  const entries = Object.entries(OPTIONS.long);
  return entries.find(([, meaning]) => meaning.replaceAll(':', '') === option)?.[0] ?? option;
}

function merge(known: Iterable<number> | undefined, more: Iterable<number>): Set<number> {
  return new Set([...(known ?? []), ...more]);
}

/** Names or numbers, with commas between them. */
function parseList(text: string, what: string, names: readonly string[]): Set<number> {
  return new Set(text.split(',').map((word) => parseName(word, what, names)));
}

function parseName(word: string, what: string, names: readonly string[]): number {
  const number = /^\d+$/.test(word) ? Number(word) : names.indexOf(word.toLowerCase());
  if (number < 0 || number >= names.length) throw new UsageError(`unknown ${what} '${word}'`);
  return number;
}

/** From 1 on: what is less urgent than that is not for the console. */
function parseConsoleLevel(word: string): void {
  if (/^\d+$/.test(word)) {
    if (Number(word) < 1 || Number(word) > LEVELS.length) {
      throw new UsageError(`unknown level '${word}'`);
    }
    return;
  }
  parseName(word, 'level', LEVELS);
}

function fail({ name, output }: Run, text: string): number {
  output.stderr(`${name}: ${text}\n`);
  return EXIT_FAILURE;
}
