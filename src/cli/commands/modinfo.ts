/** `klpfs modinfo`: what a module says of itself. */
import type { Command } from 'commander';
import { type CatalogueRow, findModule, readCatalogue } from '../catalogue.ts';
import { addMachineOption, type MachineOptions, openMachine } from '../machineFiles.ts';
import { print, printJson } from '../output.ts';

interface Options extends MachineOptions {
  readonly field?: string;
  readonly parameters?: true;
  readonly json?: true;
}

export function addModinfoCommand(program: Command): void {
  addMachineOption(program.command('modinfo'))
    .description('show what a module says of itself')
    .argument('<module>', 'a name')
    .option('-F, --field <field>', 'only the values of this field')
    .option('-p, --parameters', 'only the parameters')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ klpfs modinfo livepatch-sample
  $ klpfs modinfo -F depends my_fix

The same as a file, for all modules: control/modules`,
    )
    .action(async (name: string, options: Options) => {
      const catalogue = readCatalogue(await openMachine(options));
      const module = findModule(catalogue, name, `Module ${name} not found.`);
      if (options.json) printJson(module);
      else print(formatModinfo(module, options));
    });
}

type Field = readonly [name: string, value: string];

/** As kmod's modinfo prints it. Source: kmod, tools/modinfo.c. */
export function formatModinfo(
  module: CatalogueRow,
  { field, parameters }: Pick<Options, 'field' | 'parameters'>,
): string {
  const wanted = parameters ? 'parm' : field;
  if (wanted !== undefined) {
    const values = fieldsOf(module).filter(([name]) => name === wanted);
    return values.map(([, value]) => `${value}\n`).join('');
  }
  return fieldsOf(module)
    .map(([name, value]) => `${`${name}:`.padEnd(16)}${value}\n`)
    .join('');
}

function fieldsOf(module: CatalogueRow): Field[] {
  const { name, description, livepatch, intree, depends, vermagic, parameters } = module;
  return [
    ...(description === undefined ? [] : [['description', description] as const]),
    ...(livepatch ? [['livepatch', 'Y'] as const] : []),
    ['depends', depends.join(',')],
    ...(intree ? [['intree', 'Y'] as const] : []),
    ['name', name],
    ['vermagic', vermagic],
    ...parameters.map((parameter) => ['parm', `${parameter.name}:${parameter.type}`] as const),
  ];
}
