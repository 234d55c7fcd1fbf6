/** The modules that a machine can load, as control/modules lists them. */
import { CommandError } from './commandError.ts';
import { type Machine, readText } from './machineFiles.ts';
import { moduleName } from './patches.ts';

/** Named as in control/modules. */
export interface CatalogueRow {
  readonly name: string;
  readonly description?: string;
  readonly livepatch: boolean;
  readonly intree: boolean;
  readonly depends: readonly string[];
  readonly vermagic: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly type: string;
    readonly mode: string;
  }[];
}

export function readCatalogue(machine: Machine): CatalogueRow[] {
  return JSON.parse(readText(machine, 'control/modules'));
}

/** @throws CommandError with this message if there is no such module. */
export function findModule(
  catalogue: readonly CatalogueRow[],
  fileName: string,
  missing: string,
): CatalogueRow {
  const found = catalogue.find(({ name }) => name === moduleName(fileName));
  if (!found) throw new CommandError(missing);
  return found;
}

/** A module after all that it needs, each once. */
export function withDependencies(catalogue: readonly CatalogueRow[], name: string): string[] {
  const ordered = new Set<string>();
  const visited = new Set<string>();
  const visit = (visiting: string): void => {
    if (visited.has(visiting)) return;
    visited.add(visiting);
    const row = catalogue.find((known) => known.name === visiting);
    for (const needed of row?.depends ?? []) visit(moduleName(needed));
    ordered.add(visiting);
  };
  visit(name);
  return [...ordered];
}
