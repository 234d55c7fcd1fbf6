/** modinfo(8). Source: kmod 30, tools/modinfo.c. */
import type { Kernel } from '../engine/kernel.ts';
import type { ModuleDefinition, ParameterDefinition } from '../engine/module/model.ts';
import { vermagicOf } from '../engine/module/vermagic.ts';
import { getopt, type OptionTable } from './getopt.ts';
import { complain, findAvailable, modulePath, nameOfPath, readOptions } from './kmod.ts';
import { EXIT_FAILURE, EXIT_SUCCESS, type Run } from './tool.ts';

const OPTIONS: OptionTable = {
  short: 'adlpn0mF:k:b:Vh',
  long: {
    author: 'a',
    description: 'd',
    license: 'l',
    parameters: 'p',
    filename: 'n',
    null: '0',
    modname: 'm',
    field: 'F:',
    'set-version': 'k:',
    basedir: 'b:',
    version: 'V',
    help: 'h',
  },
};

/** Options that ask for one field, and which. */
const FIELD_OF: Readonly<Record<string, string>> = {
  a: 'author',
  d: 'description',
  l: 'license',
  p: 'parm',
  n: 'filename',
};

interface Wanted {
  /** All of them unless given. */
  field: string | undefined;
  separator: '\n' | '\0';
  /** With -m: what is looked for is a name, and is called so. */
  what: 'Module' | 'Module name';
  /** Another kernel's, or in another root, where there are none. */
  elsewhere: boolean;
}

export function modinfo(run: Run): number {
  const line = getopt(run.args, OPTIONS);
  const wanted: Wanted = { field: undefined, separator: '\n', what: 'Module', elsewhere: false };
  const ended = readOptions(
    run,
    line,
    '[options] <modulename|filename> [args]',
    (option, value) => {
      if (option === '0') wanted.separator = '\0';
      else if (option === 'm') wanted.what = 'Module name';
      else if (option === 'k') wanted.elsewhere ||= value !== run.kernel.config.version;
      else if (option === 'b') wanted.elsewhere = true;
      else wanted.field = FIELD_OF[option] ?? value;
    },
  );
  if (ended !== undefined) return ended;
  if (line.operands.length === 0) {
    complain(run, 'missing module or filename.');
    return EXIT_FAILURE;
  }

  let code = EXIT_SUCCESS;
  for (const word of line.operands) {
    const isPath = word.includes('/');
    const found = wanted.elsewhere
      ? undefined
      : findAvailable(run.kernel, isPath ? nameOfPath(word) : word);
    if (found) {
      const path = isPath ? word : modulePath(run.kernel, found.name);
      run.output.stdout(describe(run.kernel, found, path, wanted));
    } else {
      complain(run, `${wanted.what} ${word} not found.`);
      code = EXIT_FAILURE;
    }
  }
  return code;
}

/** Source: modinfo_do(), modinfo_params_do(). */
function describe(
  kernel: Kernel,
  definition: ModuleDefinition,
  path: string,
  { field, separator }: Wanted,
): string {
  const information: readonly Field[] = [['filename', path], ...fieldsOf(kernel, definition)];
  // A list of those that were read, with the last one first.
  const parameters = [...definition.parameters].reverse();
  const lines =
    field === 'parm'
      ? parameters.map((parameter) => `${parameter.name}: (${typeOf(parameter)})`)
      : field !== undefined
        ? information.filter(([key]) => key === field).map(([, value]) => value)
        : [
            ...information.map(([key, value], index) =>
              separator === '\0' && index > 0
                ? `${key}=${value}`
                : `${`${key}:`.padEnd(16)}${value}`,
            ),
            ...parameters.map(
              (parameter) => `${'parm:'.padEnd(16)}${parameter.name}:${typeOf(parameter)}`,
            ),
          ];
  return lines.map((text) => `${text}${separator}`).join('');
}

type Field = readonly [key: string, value: string];

/**
 * The module's .modinfo, without parameters, in the order in which compilers leave it. Who uses
 * EXPORT_SYMBOL_GPL() has that license.
 */
function fieldsOf(kernel: Kernel, definition: ModuleDefinition): readonly Field[] {
  const { name, description, livepatch, intree, depends } = definition;
  return [
    ...(description === undefined ? [] : [['description', description] as const]),
    ...(livepatch ? [['livepatch', 'Y'] as const] : []),
    ['license', 'GPL'],
    ['depends', depends.join(',')],
    ['retpoline', 'Y'],
    ...(intree ? [['intree', 'Y'] as const] : []),
    ['name', name],
    ['vermagic', vermagicOf(kernel)],
  ];
}

/** As module_param() and module_param_array() leave it in `parmtype`. */
function typeOf({ type, most }: ParameterDefinition): string {
  const element = type === 'string' ? 'charp' : type;
  return most === undefined ? element : `array of ${element}`;
}
