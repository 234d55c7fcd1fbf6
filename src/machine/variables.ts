/** What actions of a manifest can read and change: variables and parameters of its module. */
import { type Module, type ParameterValue, staticsOf } from '../engine/module/model.ts';
import type { Value } from './action.ts';

/** Where actions run, beside the module: `$object` and `$state` of a callback. */
export type Surroundings = ReadonlyMap<string, string>;

/** The variables of a module that has them, with their first values. */
export function createVariables(initial: Readonly<Record<string, number>>) {
  const first = Object.entries(initial);
  return () => new Map<string, number>(first);
}

export type Variables = ReturnType<typeof createVariables>;

/** A scope is made for each run of actions. */
export interface Scope {
  readonly module: Module;
  readonly variables: Variables;
  readonly surroundings: Surroundings;
}

export function evaluate(scope: Scope, value: Value): number {
  return typeof value === 'number' ? value : Number(lookUp(scope, value.slice(1)) ?? 0);
}

export function assign({ module, variables }: Scope, name: string, value: number): void {
  const parameter = module.definition.parameters.find((known) => known.name === name);
  if (parameter) module.parameters.set(name, parameter.type === 'bool' ? value !== 0 : value);
  else staticsOf(module, variables).set(name, value);
}

/** Text in which `$NAME` stands for what there is of that name; others stay as they are. */
export function interpolate(scope: Scope, text: string): string {
  return text.replace(/\$([A-Za-z_]\w*)/g, (written, name: string) => {
    const value = lookUp(scope, name);
    return value === undefined ? written : String(value);
  });
}

function lookUp({ module, variables, surroundings }: Scope, name: string) {
  const variable: ParameterValue | undefined = staticsOf(module, variables).get(name);
  return variable ?? module.parameters.get(name) ?? surroundings.get(name);
}
