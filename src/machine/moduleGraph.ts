/** Which modules need which others. */
import type { ModuleDefinition } from '../engine/module/model.ts';
import type { MachineDescription } from './description.ts';
import type { Finding } from './document.ts';
import type { Path } from './machineError.ts';
import { suggestion } from './nearest.ts';

/** What each module needs, by name. */
type ModuleGraph = ReadonlyMap<string, readonly string[]>;

export function* findModuleContradictions(
  { modules }: MachineDescription,
  available: readonly ModuleDefinition[],
  lineOf: (path: Path) => number,
): Generator<Finding> {
  const graph = graphOf(modules, available);
  const taken = new Map(available.map(({ name }) => [name, 'is a module that there is already']));
  for (const [index, { name, depends = [] }] of modules.entries()) {
    const owner = taken.get(name);
    if (owner) yield { path: ['modules', index, 'name'], message: `${name} ${owner}` };
    else taken.set(name, `is taken by the module on line ${lineOf(['modules', index])}`);
    for (const [place, needed] of depends.entries()) {
      const path = ['modules', index, 'depends', place];
      if (!graph.has(needed)) {
        yield {
          path,
          message: `there is no module '${needed}'${suggestion(needed, graph.keys())}`,
        };
        continue;
      }
      const circle = wayFrom(graph, needed, name);
      if (circle && isFirstOf(circle, name, modules))
        yield {
          path,
          message: `modules depend on each other: ${[name, ...circle].join(' needs ')}`,
        };
    }
  }
}

/** So that a circle is complained about once. */
function isFirstOf(
  circle: readonly string[],
  name: string,
  modules: MachineDescription['modules'],
): boolean {
  return modules.find((module) => circle.includes(module.name))?.name === name;
}

/** The modules to load at boot, each after those that it needs, as modprobe(8) does. */
export function modulesLoadedAtBoot(
  { modules }: MachineDescription,
  available: readonly ModuleDefinition[],
): string[] {
  const graph = graphOf(modules, available);
  const ordered = new Set<string>();
  const visit = (name: string): void => {
    for (const needed of graph.get(name) ?? []) if (!ordered.has(needed)) visit(needed);
    ordered.add(name);
  };
  for (const { name, loaded = false } of modules) if (loaded) visit(name);
  return [...ordered];
}

function graphOf(
  modules: MachineDescription['modules'],
  available: readonly ModuleDefinition[],
): ModuleGraph {
  return new Map([...available, ...modules].map(({ name, depends = [] }) => [name, depends]));
}

/** The modules on a way from one to another by `depends`, both ends included. */
function wayFrom(graph: ModuleGraph, from: string, to: string): string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[from, undefined]]);
  for (const name of cameFrom.keys()) {
    if (name === to) return wayBack(cameFrom, to);
    for (const needed of graph.get(name) ?? []) {
      if (!cameFrom.has(needed)) cameFrom.set(needed, name);
    }
  }
  return undefined;
}

function wayBack(cameFrom: ReadonlyMap<string, string | undefined>, to: string): string[] {
  const way: string[] = [];
  for (let name: string | undefined = to; name !== undefined; name = cameFrom.get(name)) {
    way.unshift(name);
  }
  return way;
}
