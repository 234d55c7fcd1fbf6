/** Patch manifests: livepatch modules as data. What they say is never code. */
import { assert } from '../abi/errno.ts';
import type { Release } from '../abi/release.ts';
import type { Call, FunctionDefinition } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import { newFunctionsOf } from '../engine/livepatch/create.ts';
import type {
  Callbacks,
  FuncDefinition,
  ObjectDefinition,
  PatchObject,
} from '../engine/livepatch/model.ts';
import { type Module, type ModuleDefinition, STATE_TEXT } from '../engine/module/model.ts';
import type { Context } from '../engine/sched/context.ts';
import type { Action } from './action.ts';
import { VMLINUX } from './description.ts';
import { type Finding, parseSource, refusal } from './document.ts';
import { findAnachronisms } from './manifestEra.ts';
import {
  type ManifestFunc,
  type ManifestObject,
  manifestSchema,
  type PatchManifest,
} from './manifestSchema.ts';
import { toParameters } from './parameter.ts';
import { logInfo, runActions } from './runActions.ts';
import { findUnknownNames } from './unknownName.ts';
import { validate } from './validation.ts';
import {
  createVariables,
  evaluate,
  interpolate,
  type Scope,
  type Surroundings,
  type Variables,
} from './variables.ts';

/**
 * Reads a patch manifest for a machine of this release.
 *
 * @throws MachineError with everything that is wrong, each with its place in the text.
 */
export function parseManifest(text: string, fileName: string, release: Release): ModuleDefinition {
  const source = parseSource(text, fileName);
  const refuse = (complaints: readonly Finding[]) => refusal(source, complaints);
  const manifest = validate(manifestSchema, source.value ?? null, refuse);
  const findings = [...findUnknownNames(manifest), ...findAnachronisms(manifest, release)];
  if (findings.length > 0) throw refuse(findings);
  return toLivepatchModule(manifest);
}

function toLivepatchModule(manifest: PatchManifest): ModuleDefinition {
  const {
    module,
    description,
    immediate = false,
    replace = false,
    states = [],
    intree = false,
    depends = [],
    parameters,
    objects,
  } = manifest;
  const statics = createVariables(manifest.variables ?? {});
  const patch = {
    immediate,
    replace,
    states,
    objects: objects.map((object) => toObject(statics, object)),
  };
  return {
    name: module,
    ...(description === undefined ? {} : { description }),
    livepatch: true,
    intree,
    depends,
    parameters: toParameters(parameters),
    functions: newFunctionsOf(patch),
    patch,
    statics,
  };
}

function toObject(
  variables: Variables,
  { name, funcs = [], callbacks = {} }: ManifestObject,
): ObjectDefinition {
  return {
    name: name === VMLINUX ? undefined : name,
    funcs: funcs.map((func) => toFunc(variables, func)),
    callbacks: toCallbacks(variables, callbacks),
  };
}

function toFunc(variables: Variables, func: ManifestFunc): FuncDefinition {
  const { old_name, sympos = 0, immediate = false } = func;
  return { oldName: old_name, newFunction: toFunction(variables, func), sympos, immediate };
}

const NOWHERE: Surroundings = new Map();

function toFunction(variables: Variables, func: ManifestFunc): FunctionDefinition {
  const { old_name, new_name = `livepatch_${old_name}`, log, output, returns = 0 } = func;
  const { steps = [] } = func;
  const finish = ({ kernel, module, seq }: Call) => {
    const scope = scopeOfCode(variables, module);
    if (log !== undefined) logInfo(kernel, scope, log);
    if (output !== undefined && seq) seq.text += interpolate(scope, output);
    return evaluate(scope, returns);
  };
  if (steps.length === 0) return { name: new_name, body: finish };
  return {
    name: new_name,
    *body(call) {
      const { kernel, module, seq } = call;
      const scope = scopeOfCode(variables, module);
      return (yield* runActions(kernel, scope, steps, seq)) ?? finish(call);
    },
  };
}

function scopeOfCode(variables: Variables, module: Module | undefined): Scope {
  assert(module, 'the code of a manifest belongs to its module');
  return { module, variables, surroundings: NOWHERE };
}

function toCallbacks(
  variables: Variables,
  written: NonNullable<ManifestObject['callbacks']>,
): Callbacks {
  const { pre_patch = [], post_patch = [], pre_unpatch = [], post_unpatch = [] } = written;
  const run = (actions: readonly Action[]) => (kernel: Kernel, object: PatchObject) =>
    runToEnd(kernel, scopeOf(variables, object), actions);
  return {
    *prePatch(kernel, object) {
      return (yield* runActions(kernel, scopeOf(variables, object), pre_patch)) ?? 0;
    },
    postPatch: run(post_patch),
    preUnpatch: run(pre_unpatch),
    postUnpatch: run(post_unpatch),
  };
}

function scopeOf(variables: Variables, { name, module, patch }: PatchObject): Scope {
  const surroundings = new Map([
    ['object', name ?? VMLINUX],
    ['state', module ? STATE_TEXT[module.state] : ''],
  ]);
  return { module: patch.module, variables, surroundings };
}

function* runToEnd(kernel: Kernel, scope: Scope, actions: readonly Action[]): Context {
  yield* runActions(kernel, scope, actions);
}
