/**
 * ES modules that the daemon's owner names: their code runs in this process, and nobody else can
 * name one.
 */
import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ModuleDefinition } from '../engine/module/model.ts';
import { MachineError } from '../machine/machineError.ts';
import { builtinModules } from '../modules/builtin.ts';

/** What `klpfs/module` is for them, wherever they lie: the interface of this very process. */
const API_URL = new URL('../modules/api.js', import.meta.url).href;
const HOOK = `export const resolve = (specifier, context, next) =>
  specifier === 'klpfs/module'
    ? { url: ${JSON.stringify(API_URL)}, shortCircuit: true }
    : next(specifier, context);`;

export function isEsModule(fileName: string): boolean {
  return /\.m?js$/.test(fileName);
}

/**
 * The modules that each file exports, by the name of the file.
 *
 * @throws MachineError if one cannot be run, exports no module, or one that there is already.
 */
export async function importModules(
  fileNames: readonly string[],
  baseDirectory: string,
): Promise<Map<string, readonly ModuleDefinition[]>> {
  if (fileNames.length > 0) register(`data:text/javascript,${encodeURIComponent(HOOK)}`);
  const imported = new Map<string, readonly ModuleDefinition[]>();
  const taken = new Set(builtinModules.map(({ name }) => name));
  for (const fileName of fileNames) {
    const modules = await importFile(resolve(baseDirectory, fileName));
    const double = modules.find(({ name }) => taken.has(name));
    if (double) throw refusal(fileName, `there is a module '${double.name}' already`);
    for (const { name } of modules) taken.add(name);
    imported.set(fileName, modules);
  }
  return imported;
}

async function importFile(path: string): Promise<ModuleDefinition[]> {
  const exported = await run(path);
  const modules = [...new Set(Object.values(exported))].filter(isDefinition);
  if (modules.length > 0) return modules;
  throw refusal(path, 'exports no module, such as defineModule() and defineLivepatch() make');
}

async function run(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    throw refusal(path, String(error));
  }
}

function isDefinition(value: unknown): value is ModuleDefinition {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    typeof value.name === 'string' &&
    ['depends', 'parameters', 'functions'].every((list) => Array.isArray(Reflect.get(value, list)))
  );
}

export function refusal(fileName: string, message: string): MachineError {
  return new MachineError(fileName, [{ line: 1, column: 1, path: '', message }]);
}
