/**
 * The files of /sys/module/<module>/ and of the directories in it.
 *
 * Source: kernel/module.c:modinfo_attrs[], kernel/params.c.
 */
import { since } from '../abi/release.ts';
import { formatAddress } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import { initBytes, type Module, type ParameterDefinition } from '../engine/module/model.ts';
import { formatParameter, setParameter } from '../engine/module/parameters.ts';
import { type Attribute, type AttributeTable, ro, wo } from './attribute.ts';

const ALWAYS = since('4.0');

export const moduleAttributes: AttributeTable<Module> = {
  uevent: wo(ALWAYS, () => {}),
  coresize: ro(ALWAYS, ({ sizeBytes }) => `${sizeBytes}\n`),
  initsize: ro(ALWAYS, (module) => `${initBytes(module)}\n`),
  initstate: ro(ALWAYS, ({ state }) => `${state}\n`),
  refcnt: ro(ALWAYS, ({ references }) => `${references}\n`),
  taint: ro(ALWAYS, ({ taints }) => `${taints}\n`),
};

/** ELF notes: binary, so nothing is shown but their sizes. */
export const noteAttributes: AttributeTable<Module> = {
  '.note.Linux': { mode: 0o444, releases: ALWAYS, sizeBytes: 60, show: () => '\0'.repeat(60) },
  '.note.gnu.build-id': {
    mode: 0o444,
    releases: ALWAYS,
    sizeBytes: 36,
    show: () => '\0'.repeat(36),
  },
};

/** Sections of a small module, as the linker of a distribution kernel leaves them. */
const SECTIONS = [
  '.data',
  '.exit.data',
  '.gnu.linkonce.this_module',
  '.init.data',
  '.note.Linux',
  '.note.gnu.build-id',
  '.orc_unwind',
  '.orc_unwind_ip',
  '.return_sites',
  '.rodata.str1.1',
  '.strtab',
  '.symtab',
  '.text',
  '__mcount_loc',
] as const;

/** Each shows where the section was loaded: `0x`, sixteen digits and a newline. */
export const sectionAttributes: AttributeTable<Module> = Object.fromEntries(
  SECTIONS.map((name, index): [string, Attribute<Module>] => [
    name,
    {
      mode: 0o400,
      releases: ALWAYS,
      sizeBytes: 19,
      show: ({ offset }) => `0x${formatAddress(offset + index * 0x100)}\n`,
    },
  ]),
);

/** One file for each parameter that has a mode. */
export function parameterAttributes({ definition }: Module): AttributeTable<Module> {
  return Object.fromEntries(
    definition.parameters
      .filter(({ mode }) => mode !== 0)
      .map((parameter) => [parameter.name, parameterAttribute(parameter)]),
  );
}

/** Without the permission there is no way to it either. Source: kernel/params.c:add_sysfs_param(). */
function parameterAttribute(parameter: ParameterDefinition): Attribute<Module> {
  const { name, mode } = parameter;
  return {
    mode,
    releases: ALWAYS,
    ...((mode & 0o444) !== 0 && {
      show: ({ parameters }: Module) => formatParameter(parameters.get(name) ?? parameter.default),
    }),
    ...((mode & 0o222) !== 0 && {
      store: (module: Module, input: string, kernel: Kernel) =>
        setParameter(kernel, module, parameter, input),
    }),
  };
}
