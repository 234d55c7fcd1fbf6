/** modprobe(8): its command line. Source: kmod 30, tools/modprobe.c:do_modprobe(). */
import type { Context } from '../engine/sched/context.ts';
import { getopt, type OptionTable } from './getopt.ts';
import { complain, readOptions } from './kmod.ts';
import { insertByName } from './modprobeInsert.ts';
import { removeByName } from './modprobeRemove.ts';
import { Fatal, type Probe, say, WARNING } from './probe.ts';
import { EXIT_FAILURE, EXIT_SUCCESS, type Run } from './tool.ts';

const OPTIONS: OptionTable = {
  short: 'arw:RibfDcnC:d:S:sqvVh',
  long: {
    all: 'a',
    remove: 'r',
    'remove-dependencies': 'remove-holders',
    'remove-holders': 'remove-holders',
    wait: 'w:',
    'resolve-alias': 'R',
    'first-time': 'first-time',
    'ignore-install': 'i',
    'ignore-remove': 'i',
    'use-blacklist': 'b',
    force: 'f',
    'force-modversion': 'force-modversion',
    'force-vermagic': 'force-vermagic',
    'show-depends': 'D',
    showconfig: 'c',
    'show-config': 'c',
    'show-modversions': 'show-modversions',
    'dump-modversions': 'show-modversions',
    'show-exports': 'show-exports',
    'dry-run': 'n',
    show: 'n',
    config: 'C:',
    dirname: 'd:',
    'set-version': 'S:',
    syslog: 's',
    quiet: 'q',
    verbose: 'v',
    version: 'V',
    help: 'h',
  },
};

/** There are no configuration, no aliases, no soft dependencies and no indexes: modules have names. */
const NO_CONFIGURATION = '\n# End of configuration files. Dumping indexes now:\n\n';

export function* modprobe(run: Run): Context<number> {
  const line = getopt(run.args, OPTIONS);
  const given = new Set<string>();
  const values = new Map<string, string>();
  let verbosity = WARNING;
  const ended = readOptions(
    run,
    line,
    '[options] modulename [parameter=value ...]',
    (option, value) => {
      given.add(option);
      values.set(option, value);
      if (option === 'q') verbosity = 0;
      if (option === 'v') verbosity += 1;
    },
  );
  if (ended !== undefined) return ended;
  const wait = values.get('w');
  if (wait !== undefined && parseNumber(wait) === undefined) {
    complain(run, `unexpected wait value '${wait}'.`);
    return EXIT_FAILURE;
  }
  const probe: Probe = {
    run: given.has('s') ? { ...run, output: { ...run.output, stderr: () => {} } } : run,
    given,
    waitMs: parseNumber(wait ?? '0') ?? 0,
    verbosity,
    ...directoryOf(run, values),
  };
  if (given.has('c')) {
    run.output.stdout(NO_CONFIGURATION);
    return EXIT_SUCCESS;
  }
  if (line.operands.length === 0) {
    complain(probe.run, 'missing parameters. See -h.');
    return EXIT_FAILURE;
  }
  try {
    const result = yield* act(probe, line.operands);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
  } catch (error) {
    if (error instanceof Fatal) return EXIT_FAILURE;
    throw error;
  }
}

/** Answers the last errno, or 0. */
function* act(probe: Probe, operands: readonly string[]): Context<number> {
  const { given } = probe;
  const [first = '', ...parameters] = operands;
  if (given.has('show-modversions') || given.has('show-exports')) {
    return say(probe, `Module ${first} not found.`);
  }
  if (!given.has('r') && !given.has('a')) {
    return yield* insertByName(probe, first, parameters.map(quoteValue).join(' '));
  }
  let result = 0;
  for (const name of operands) {
    const one = given.has('r')
      ? yield* removeByName(probe, name)
      : yield* insertByName(probe, name, '');
    if (one < 0) result = one;
  }
  return result;
}

/** Another directory is one of another kernel, or of another root, in which there are no modules. */
function directoryOf({ kernel }: Run, values: ReadonlyMap<string, string>) {
  const own = kernel.config.version;
  const version = values.get('S') ?? own;
  const root = values.get('d') ?? '';
  return {
    directory: `${root}/lib/modules/${version}`,
    elsewhere: version !== own || /[^/]/.test(root),
  };
}

/** strtoul(3) with base 0. */
function parseNumber(text: string): number | undefined {
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  return /^(?:\d+|0x[\da-f]+)$/i.test(text) ? Number(text) : undefined;
}

/** A value with blanks keeps together. Source: options_from_array(). */
function quoteValue(parameter: string): string {
  return parameter.replace(/^([^=]*=)(?!["'])(.* .*)$/s, '$1"$2"');
}
