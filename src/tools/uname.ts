/** uname(1): the machine's kernel on the host's hardware. Source: GNU coreutils 9.1, src/uname.c. */
import { UTS_VERSION } from '../engine/vmlinux.ts';
import { getopt, type OptionTable } from './getopt.ts';
import { EXIT_FAILURE, EXIT_SUCCESS, type Run } from './tool.ts';

const OPTIONS: OptionTable = {
  short: 'asnrvmpio',
  long: {
    all: 'a',
    'kernel-name': 's',
    sysname: 's',
    nodename: 'n',
    'kernel-release': 'r',
    release: 'r',
    'kernel-version': 'v',
    machine: 'm',
    processor: 'p',
    'hardware-platform': 'i',
    'operating-system': 'o',
    help: 'help',
    version: 'version',
  },
};
/** What there is to print, in its order; -p and -i are unknown, and left out of -a. */
const ORDER = 'snrvmpio';
const ALL = 'snrvmo';

/** HOSTNAME and HOSTTYPE are the shell's. */
export function uname({ kernel, name, args, environment, output }: Run): number {
  const fields: Readonly<Record<string, string>> = {
    s: 'Linux',
    n: environment.get('HOSTNAME') ?? 'klpfs',
    r: kernel.config.version,
    v: UTS_VERSION,
    m: environment.get('HOSTTYPE') ?? 'x86_64',
    p: 'unknown',
    i: 'unknown',
    o: 'GNU/Linux',
  };
  const { options, operands } = getopt(args, OPTIONS);
  const tryHelp = `Try '${name} --help' for more information.\n`;
  let wanted = '';
  for (const found of options) {
    if ('complaint' in found) {
      output.stderr(`${name}: ${found.complaint}\n${tryHelp}`);
      return EXIT_FAILURE;
    }
    if (found.option === 'help' || found.option === 'version') {
      output.stdout(
        found.option === 'help' ? `Usage: ${name} [OPTION]...\n` : 'uname (GNU coreutils) 9.1\n',
      );
      return EXIT_SUCCESS;
    }
    wanted += found.option === 'a' ? ALL : found.option;
  }
  const [extra] = operands;
  if (extra !== undefined) {
    output.stderr(`${name}: extra operand '${extra}'\n${tryHelp}`);
    return EXIT_FAILURE;
  }
  const letters = [...ORDER].filter((letter) => (wanted || 's').includes(letter));
  output.stdout(`${letters.map((letter) => fields[letter]).join(' ')}\n`);
  return EXIT_SUCCESS;
}
