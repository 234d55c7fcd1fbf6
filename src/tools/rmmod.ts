/** rmmod(8). Source: kmod 30, tools/rmmod.c. */
import { strerror } from '../abi/strerror.ts';
import type { Context } from '../engine/sched/context.ts';
import { getopt, type OptionTable } from './getopt.ts';
import {
  complain,
  findLoaded,
  holdersOf,
  nameOfPath,
  nameOfWord,
  readOptions,
  removeLoudly,
} from './kmod.ts';
import { EXIT_FAILURE, EXIT_SUCCESS, type Run } from './tool.ts';

const OPTIONS: OptionTable = {
  short: 'fsvVwh',
  long: { force: 'f', syslog: 's', verbose: 'v', version: 'V', help: 'h' },
};

/** With -f the kernel is asked whatever is known of the module; what it refuses, it still refuses. */
export function* rmmod(run: Run): Context<number> {
  const line = getopt(run.args, OPTIONS);
  const given = new Set<string>();
  const ended = readOptions(run, line, '[options] modulename ...', (option) => given.add(option));
  if (ended !== undefined) return ended;
  if (given.has('w')) {
    complain(run, "unexpected getopt_long() value 'w'.");
    return EXIT_FAILURE;
  }
  // Who sees syslog(3) does not look here.
  const heard = given.has('s') ? { ...run, output: { ...run.output, stderr: () => {} } } : run;
  if (line.operands.length === 0) {
    complain(heard, 'missing module name.');
    return EXIT_FAILURE;
  }

  let failures = 0;
  for (const word of line.operands) {
    const name = word.includes('/') ? nameOfPath(word) : nameOfWord(word);
    if (!given.has('f') && isInUse(heard, name)) {
      failures += 1;
      continue;
    }
    const result = yield* removeLoudly(heard, name);
    if (result === 0) continue;
    complain(heard, `could not remove module ${word}: ${strerror(-result)}`);
    failures += 1;
  }
  return failures === 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/** Or is not there at all. Source: check_module_inuse(). */
function isInUse(run: Run, name: string): boolean {
  const module = findLoaded(run.kernel, name);
  if (!module) {
    complain(run, `Module ${name} is not currently loaded`);
    return true;
  }
  const holders = holdersOf(module);
  if (holders.length > 0) {
    complain(run, `Module ${name} is in use by: ${holders.join(' ')}`);
    return true;
  }
  if (module.references === 0) return false;
  complain(run, `Module ${name} is in use`);
  return true;
}
