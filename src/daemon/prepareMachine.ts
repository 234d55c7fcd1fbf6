/** A machine with all that it can load: the built-in modules, and those in files of its owner's. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type ModuleDefinition, moduleName } from '../engine/module/model.ts';
import type { MachineDescription } from '../machine/description.ts';
import { parseManifest } from '../machine/manifest.ts';
import { checkDraft, type MachineDraft } from '../machine/parse.ts';
import { builtinModules } from '../modules/builtin.ts';
import { importModules, isEsModule } from './esModules.ts';

/** Where modules come from beside those that are built in. */
export interface ModuleSources {
  /** Against which the file names in `load` are resolved. */
  readonly baseDirectory: string;
  /** ES modules to run for the modules that they export. */
  readonly moduleFiles?: readonly string[];
  /** Modules at hand. */
  readonly modules?: readonly ModuleDefinition[];
}

export interface PreparedMachine {
  readonly description: MachineDescription;
  /** All that there are. */
  readonly modules: readonly ModuleDefinition[];
  /** Those in files, by the names of the files. */
  readonly inFiles: ReadonlyMap<string, readonly ModuleDefinition[]>;
  /** Manifests as they are written, by the names of their files. */
  readonly manifests: ReadonlyMap<string, string>;
}

/**
 * Reads what `load` names and is no module yet, and runs ES modules.
 *
 * @throws MachineError for a file that is wrong, or a description that names what is nowhere.
 */
export async function prepareMachine(
  draft: MachineDraft,
  sources: ModuleSources,
): Promise<PreparedMachine> {
  const { baseDirectory, modules: atHand = [] } = sources;
  const known = [...builtinModules, ...atHand];
  const manifests = await readManifests(draft.description, baseDirectory, known);
  const { release } = draft.description;
  const parsed = [...manifests].map(([file, text]) => {
    return [file, [parseManifest(text, resolve(baseDirectory, file), release)]] as const;
  });
  const code = await importModules(esModulesOf(draft.description, sources), baseDirectory);
  const inFiles = new Map([...parsed, ...code]);
  const modules = [...known, ...[...inFiles.values()].flat()];
  return { description: checkDraft(draft, modules), modules, inFiles, manifests };
}

/** The ES modules that the command line and the description name, each once. */
export function esModulesOf(
  { load }: MachineDescription,
  { moduleFiles = [] }: ModuleSources,
): readonly string[] {
  return [...new Set([...moduleFiles, ...load.filter(isEsModule)])];
}

async function readManifests(
  { load, modules }: MachineDescription,
  baseDirectory: string,
  known: readonly ModuleDefinition[],
): Promise<Map<string, string>> {
  const names = new Set([...known, ...modules].map(({ name }) => name));
  const files = load.filter((name) => !names.has(moduleName(name)) && !isEsModule(name));
  const texts = await Promise.all(
    files.map(async (file): Promise<[string, string]> => {
      return [file, await readFile(resolve(baseDirectory, file), 'utf8')];
    }),
  );
  return new Map(texts);
}
