/** control/modules: what there is to load, and what modinfo says of it, as JSON. */
import type { Kernel } from '../engine/kernel.ts';
import type { ModuleDefinition } from '../engine/module/model.ts';
import { vermagicOf } from '../engine/module/vermagic.ts';

/** A line for each module, in the order of their names. */
export function showModules(kernel: Kernel): string {
  const vermagic = vermagicOf(kernel);
  const lines = [...kernel.modules.available.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((definition) => JSON.stringify(describe(definition, vermagic)));
  return `[\n${lines.join(',\n')}\n]\n`;
}

function describe(definition: ModuleDefinition, vermagic: string) {
  const { name, livepatch, intree, depends, parameters, description } = definition;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    livepatch,
    intree,
    depends,
    vermagic,
    parameters: parameters.map((parameter) => ({
      name: parameter.name,
      type: parameter.most === undefined ? parameter.type : `array of ${parameter.type}`,
      mode: parameter.mode.toString(8).padStart(4, '0'),
    })),
  };
}
