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

/** @throws CommandError if there is no such module. */
export function findModule(catalogue: readonly CatalogueRow[], fileName: string): CatalogueRow {
  const found = catalogue.find(({ name }) => name === moduleName(fileName));
  if (!found) throw new CommandError(`Module ${fileName} not found.`);
  return found;
}
