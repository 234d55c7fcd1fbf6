/** control/modules: what there is to load, and what modinfo says of it, as JSON. */
import type { Kernel } from '../engine/kernel.ts';
import type { ModuleDefinition } from '../engine/module/model.ts';

/** A line for each module, in the order of their names. */
export function showModules({ modules, config }: Kernel): string {
  const lines = [...modules.available.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((definition) => JSON.stringify(describe(definition, config.version)));
  return `[\n${lines.join(',\n')}\n]\n`;
}

function describe(definition: ModuleDefinition, version: string) {
  const { name, livepatch, intree, depends, parameters, description } = definition;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    livepatch,
    intree,
    depends,
    vermagic: `${version} SMP mod_unload modversions `,
    parameters: parameters.map((parameter) => ({
      name: parameter.name,
      type: parameter.most === undefined ? parameter.type : `array of ${parameter.type}`,
      mode: parameter.mode.toString(8).padStart(4, '0'),
    })),
  };
}
