/** insmod(8). Source: kmod 30, tools/insmod.c. */
import { ERRNO } from '../abi/errno.ts';
import { strerror } from '../abi/strerror.ts';
import type { Context } from '../engine/sched/context.ts';
import { getopt, type OptionTable } from './getopt.ts';
import { complain, findAvailable, insertModule, nameOfPath, readOptions } from './kmod.ts';
import { EXIT_FAILURE, EXIT_SUCCESS, type Run } from './tool.ts';

/** All but the last two do nothing. */
const OPTIONS: OptionTable = { short: 'psfVh', long: { version: 'V', help: 'h' } };

/** mod_strerror(): what finit_module(2) may mean by an errno. */
const OF_LOADING: Readonly<Record<number, string>> = {
  [ERRNO.ENOEXEC.number]: 'Invalid module format',
  [ERRNO.ENOENT.number]: 'Unknown symbol in module',
  [ERRNO.ESRCH.number]: 'Module has wrong symbol version',
  [ERRNO.EINVAL.number]: 'Invalid parameters',
};

/** Its file is the module of that name, wherever it lies: there is no file to be read. */
export function* insmod(run: Run): Context<number> {
  const line = getopt(run.args, OPTIONS);
  const ended = readOptions(run, line, '[options] filename [args]', () => {});
  if (ended !== undefined) return ended;

  const [file, ...parameters] = line.operands;
  if (file === undefined) {
    complain(run, 'missing filename.');
    return EXIT_FAILURE;
  }
  if (file === '-') {
    complain(run, 'this tool does not support loading from stdin!');
    return EXIT_FAILURE;
  }
  const known = findAvailable(run.kernel, nameOfPath(file));
  if (!known) {
    complain(run, `could not load module ${file}: ${strerror(ERRNO.ENOENT.number)}`);
    return EXIT_FAILURE;
  }
  const result = yield* insertModule(run, known.name, parameters.join(' '));
  if (result < 0) {
    const reason = OF_LOADING[-result] ?? strerror(-result);
    complain(run, `could not insert module ${file}: ${reason}`);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
