/** Names that the actions of a manifest use, and that it does not declare. */
import type { Action, Value } from './action.ts';
import type { Finding } from './document.ts';
import type { Path } from './machineError.ts';
import type { PatchManifest } from './manifestSchema.ts';
import { suggestion } from './nearest.ts';

/** `$NAME` in a text may be meant as it stands; as a value, or as what is set, it has to be there. */
export function* findUnknownNames(manifest: PatchManifest): Generator<Finding> {
  const { parameters = {}, variables = {} } = manifest;
  const numbers = Object.keys(parameters).filter((name) => parameters[name]?.type !== 'string');
  const known = [...numbers, ...Object.keys(variables)];
  const shared = Object.keys(variables).filter((name) => Object.hasOwn(parameters, name));
  for (const name of shared) {
    yield { path: ['variables', name], message: 'is a parameter already', atKey: true };
  }
  for (const [name, path] of usedNames(manifest)) {
    if (known.includes(name)) continue;
    yield { path, message: `there is no variable '${name}'${suggestion(name, known)}` };
  }
}

type Use = readonly [name: string, path: Path];

function* usedNames({ objects }: PatchManifest): Generator<Use> {
  for (const [index, { funcs = [], callbacks = {} }] of objects.entries()) {
    for (const [which, actions] of Object.entries(callbacks)) {
      yield* namesInActions(actions, ['objects', index, 'callbacks', which]);
    }
    for (const [place, { steps = [], returns }] of funcs.entries()) {
      const path = ['objects', index, 'funcs', place];
      yield* namesInActions(steps, [...path, 'steps']);
      yield* namesInValue(returns, [...path, 'returns']);
    }
  }
}

function* namesInActions(actions: readonly Action[] = [], path: Path): Generator<Use> {
  for (const [index, action] of actions.entries()) yield* namesIn(action, [...path, index]);
}

function* namesIn(action: Action, path: Path): Generator<Use> {
  for (const verb of ['set', 'add'] as const) {
    for (const [name, value] of Object.entries(action[verb] ?? {})) {
      yield [name, [...path, verb, name]];
      yield* namesInValue(value, [...path, verb, name]);
    }
  }
  for (const verb of ['shadow_alloc', 'shadow_get_or_alloc', 'shadow_set'] as const) {
    yield* namesInValue(action[verb]?.value, [...path, verb, 'value']);
  }
  const { shadow_get: get, return: returned } = action;
  if (get) {
    yield [get.into, [...path, 'shadow_get', 'into']];
    yield* namesInValue(get.missing, [...path, 'shadow_get', 'missing']);
  }
  yield* namesInValue(returned, [...path, 'return']);
}

/** Errnos have no `$`. */
function* namesInValue(value: Value | undefined, path: Path): Generator<Use> {
  if (typeof value === 'string' && value.startsWith('$')) yield [value.slice(1), path];
}
