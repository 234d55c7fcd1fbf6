/**
 * All that releases differ in, read off the tables that make the difference.
 *
 * Nothing is listed here twice: a table whose rows have spans gives its rows, and words only where
 * its columns have none.
 */
import { type ReleaseSpan, since } from '../abi/release.ts';
import { DIALECTS } from '../engine/dynamicDebug/dialect.ts';
import type { DebugSiteDefinition } from '../engine/dynamicDebug/sites.ts';
import { kprobeHistory } from '../engine/ftrace/kprobeRules.ts';
import { NAMED_LINES } from '../engine/kobject.ts';
import { BOOLEANS } from '../engine/kstrtox.ts';
import { DEBUG_SITE_ERAS } from '../engine/livepatch/debugSites.ts';
import { livepatchHistory } from '../engine/livepatch/semantics.ts';
import { JOINS_LOADS, RETRIES } from '../engine/module/concurrentLoads.ts';
import { VERMAGIC_OPTIONS } from '../engine/module/vermagic.ts';
import { NULLS } from '../engine/pointer.ts';
import { DATA_SYMBOLS, OWN_FUNCTIONS, READ_PATHS } from '../engine/vmlinux.ts';
import { GONE } from '../machine/defaultMachine.ts';
import { WORDS } from '../machine/manifestEra.ts';
import { NOINSTR } from '../machine/vmlinuxSymbols.ts';
import { builtinModules } from '../modules/builtin.ts';
import { IN_PROCFS } from '../sysfs/dynamicDebug.ts';
import { LINE_STYLES } from '../sysfs/enabledFunctions.ts';
import { USER_XATTRS } from '../sysfs/fileSystems.ts';
import { LIST_STYLES, SWITCHES } from '../sysfs/kprobes.ts';
import { objectAttributes, patchAttributes } from '../sysfs/livepatch.ts';
import { moduleAttributes, noteAttributes, sectionAttributes } from '../sysfs/module.ts';
import { WCHAN_FIELDS } from '../sysfs/procStat.ts';
import { ALL_CAPABILITIES, STATUS_LINES } from '../sysfs/procStatus.ts';
import { STOPS_TRACING, TRACE_STYLES } from '../sysfs/traceFile.ts';
import { TOUCHED_FUNCTIONS, TRIMS } from '../sysfs/tracing.ts';
import { closeSpans, type Kind, type Trait } from './trait.ts';

const ALWAYS = since('4.0');

/** The same kind for all. */
function inWords(kind: Kind, traits: readonly Omit<Trait, 'kind'>[]): Trait[] {
  return traits.map((trait) => ({ kind, ...trait }));
}

interface Row {
  readonly mode: number;
  readonly releases: ReleaseSpan;
}

/** Path and mode. */
function placed(directory: string, name: string, { mode, releases }: Row): Omit<Trait, 'kind'> {
  return { what: `${directory}/${name} ${mode.toString(8).padStart(4, '0')}`, releases };
}

function placedAll(directory: string, table: Readonly<Record<string, Row>>) {
  return Object.entries(table).map(([name, row]) => placed(directory, name, row));
}

const attributes = [
  ...placedAll('/sys/kernel/livepatch/PATCH', patchAttributes),
  ...placedAll('/sys/kernel/livepatch/PATCH/OBJECT', objectAttributes),
  ...placedAll('/sys/module/MODULE', moduleAttributes),
  ...placedAll('/sys/module/MODULE/notes', noteAttributes),
  ...placedAll('/sys/module/MODULE/sections', sectionAttributes),
];

const files = [
  placed('/sys/kernel/tracing', TOUCHED_FUNCTIONS.name, TOUCHED_FUNCTIONS),
  placed('/proc', IN_PROCFS.name, IN_PROCFS),
  ...closeSpans(LIST_STYLES).map((row) => placed('/sys/kernel/debug/kprobes', 'list', row)),
];

const rules = [
  ...[...livepatchHistory, ...kprobeHistory].map((change) => ({
    what: change.what,
    releases: since(change.since),
    source: change.source,
  })),
  ...closeSpans(USER_XATTRS).map(({ errno, releases }) => ({
    what: `getxattr() of user.* is ${errno} in sysfs`,
    releases,
  })),
  ...closeSpans(TRIMS).map(({ what, releases }) => ({
    what: `current_tracer does not mind blanks ${what}`,
    releases,
  })),
  { what: 'nothing is traced while trace is open for reading', releases: STOPS_TRACING },
  { what: 'insmod tries again when another load of the module has failed', releases: RETRIES },
  { what: 'insmod of what is just being loaded ends as that does', releases: JOINS_LOADS },
  ...NOINSTR.map(({ name, releases }) => ({ what: `${name} cannot be traced`, releases })),
];

/** What user space may write. */
const words = [
  ...BOOLEANS.map(({ pattern, value, releases }) => ({
    what: `a flag that begins with ${pattern.source.slice(1)} is ${value ? 1 : 0}`,
    releases,
  })),
  ...closeSpans(SWITCHES).map(({ what, releases }) => ({
    what: `kprobes/enabled: ${what}`,
    releases,
  })),
  ...closeSpans(DIALECTS).flatMap(({ keywords, filesHaveTails, formatsHaveAnchors, releases }) => [
    ...keywords.map((keyword) => ({ what: `dynamic_debug: ${keyword}`, releases })),
    ...(filesHaveTails
      ? [{ what: 'dynamic_debug: file FILE:LINES and file FILE:FUNCTION', releases }]
      : []),
    ...(formatsHaveAnchors ? [{ what: 'dynamic_debug: format ^TEXT', releases }] : []),
  ]),
  ...WORDS.map(({ name, releases }) => ({ what: `manifests: ${name}`, releases })),
];

/** What it reads. */
const wording = [
  { what: 'lines of lib/kobject.c begin with `kobject: `', releases: NAMED_LINES },
  ...closeSpans(LINE_STYLES).map(({ what, releases }) => ({
    what: `enabled_functions: ${what}`,
    releases,
  })),
  ...closeSpans(LIST_STYLES).map(({ what, releases }) => ({
    what: `kprobes/list: ${what}`,
    releases,
  })),
  ...closeSpans(TRACE_STYLES).map(({ columns, pidWidth, flags, releases }) => ({
    what: `trace: ${flags.join('N').length} flags, pids ${pidWidth} wide`,
    releases,
    details: columns.trimEnd().split('\n'),
  })),
  ...closeSpans(DIALECTS).flatMap(({ complaint, unknownFlag, newline, releases }) => [
    { what: `dynamic_debug complains: ${complaint('FUNCTION', 'TEXT')}`, releases },
    { what: `dynamic_debug complains: ${unknownFlag('xyz')}`, releases },
    { what: `dynamic_debug/control writes ${newline} for a newline`, releases },
  ]),
  ...closeSpans(VERMAGIC_OPTIONS).map(({ text, releases }) => ({
    what: `vermagic: ${text.trimEnd()}`,
    releases,
  })),
  ...NULLS.map(({ text, releases }) => ({ what: `NULL is logged as "${text}"`, releases })),
  ...STATUS_LINES.map(({ name, releases = ALWAYS }) => ({
    what: `/proc/PID/status: ${name}`,
    releases,
  })),
  ...ALL_CAPABILITIES.map(({ mask, releases }) => ({
    what: `/proc/PID/status: CapEff of root is ${mask}`,
    releases,
  })),
  ...closeSpans(WCHAN_FIELDS).map(({ what, releases }) => ({
    what: `/proc/PID/stat: field 35 is 1 if ${what}`,
    releases,
  })),
];

const debugLines = closeSpans(DEBUG_SITE_ERAS).map(({ sites, releases }) => ({
  what: `dynamic_debug/control lists ${sites.length}, ${sites.map(({ line }) => line).join(' ')}`,
  releases,
  details: sites.map(describeSite),
}));

function describeSite({ file, line, function: name, format }: DebugSiteDefinition): string {
  const baseName = file.slice(file.lastIndexOf('/') + 1);
  return `${baseName}:${line} ${name} ${JSON.stringify(format)}`;
}

const symbols = [
  ...[...OWN_FUNCTIONS, ...DATA_SYMBOLS].map(({ name, releases }) => ({ what: name, releases })),
  ...closeSpans(READ_PATHS).map(({ functions, releases }) => ({
    what: `read() of a file in /proc comes down to ${functions.at(-1)}`,
    releases,
    details: [...functions],
  })),
];

const kthreads = GONE.map(({ name, span }) => ({
  what: `${name.source.slice(1, -1).replace('\\/\\d+', '/CPU')}, in the default machine`,
  releases: span,
}));

/** Two versions of one with the same parameters are the same from outside. */
const modules = builtinModules.map(({ name, parameters, releases = ALWAYS }) => ({
  what: [name, ...parameters.map((parameter) => `${parameter.name}=`)].join(' '),
  releases,
}));

export const allTraits: readonly Trait[] = [
  ...inWords('attribute', attributes),
  ...inWords('file', files),
  ...inWords('rule', rules),
  ...inWords('word', words),
  ...inWords('wording', wording),
  ...inWords('debug line', debugLines),
  ...inWords('symbol', symbols),
  ...inWords('kthread', kthreads),
  ...inWords('module', modules),
];
