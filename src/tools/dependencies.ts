/** modules.dep: what modules need, as depmod(8) writes it down. */
import type { Kernel } from '../engine/kernel.ts';
import { type ModuleDefinition, moduleName } from '../engine/module/model.ts';

/** All that a module needs, each after what it needs itself. */
export function dependenciesOf({ modules }: Kernel, definition: ModuleDefinition): string[] {
  const ordered = new Set<string>();
  const visited = new Set<string>([definition.name]);
  const visit = ({ depends }: ModuleDefinition): void => {
    for (const needed of depends.map(moduleName)) {
      const known = modules.available.get(needed);
      if (!known || visited.has(needed)) continue;
      visited.add(needed);
      visit(known);
      ordered.add(needed);
    }
  };
  visit(definition);
  return [...ordered];
}
