/** Patch manifests: livepatch modules as data. What they say is never code. */
import { assert } from '../abi/errno.ts';
import { emit } from '../engine/events.ts';
import type { FunctionDefinition } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import { newFunctionsOf } from '../engine/livepatch/create.ts';
import type { Callbacks, FuncDefinition, ObjectDefinition } from '../engine/livepatch/model.ts';
import type { ModuleDefinition } from '../engine/module/model.ts';
import { LOG_LEVEL } from '../engine/printk.ts';
import type { Context } from '../engine/sched/context.ts';
import { sleepFor } from '../engine/sched/wait.ts';
import { VMLINUX } from './description.ts';
import { type Finding, parseSource, refusal } from './document.ts';
import { parseDuration } from './duration.ts';
import { errnoNumber } from './errnoWord.ts';
import {
  type CallbackStep,
  FOREVER,
  type ManifestFunc,
  type ManifestObject,
  manifestSchema,
  type PatchManifest,
} from './manifestSchema.ts';
import { toParameters } from './parameter.ts';
import { validate } from './validation.ts';

/**
 * Reads a patch manifest.
 *
 * @throws MachineError with everything that is wrong, each with its place in the text.
 */
export function parseManifest(text: string, fileName: string): ModuleDefinition {
  const source = parseSource(text, fileName);
  const refuse = (findings: readonly Finding[]) => refusal(source, findings);
  return toLivepatchModule(validate(manifestSchema, source.value ?? null, refuse));
}

function toLivepatchModule(manifest: PatchManifest): ModuleDefinition {
  const { module, immediate = false, intree = false, depends = [], parameters, objects } = manifest;
  const patch = { immediate, objects: objects.map((object) => toObject(module, object)) };
  return {
    name: module,
    livepatch: true,
    intree,
    depends,
    parameters: toParameters(parameters),
    functions: newFunctionsOf(patch),
    patch,
  };
}

function toObject(
  module: string,
  { name, funcs = [], callbacks = {} }: ManifestObject,
): ObjectDefinition {
  return {
    name: name === VMLINUX ? undefined : name,
    funcs: funcs.map((func) => toFunc(module, func)),
    callbacks: toCallbacks(module, callbacks),
  };
}

function toFunc(module: string, func: ManifestFunc): FuncDefinition {
  const { old_name, sympos = 0, immediate = false } = func;
  return { oldName: old_name, newFunction: toFunction(module, func), sympos, immediate };
}

function toFunction(module: string, func: ManifestFunc): FunctionDefinition {
  const { old_name, new_name = `livepatch_${old_name}`, log, output, returns = 0 } = func;
  return {
    name: new_name,
    body: ({ kernel, seq }) => {
      if (log !== undefined) logInfo(kernel, module, log);
      if (output !== undefined && seq) seq.text += output;
      return returns;
    },
  };
}

function toCallbacks(module: string, written: NonNullable<ManifestObject['callbacks']>): Callbacks {
  const { pre_patch, post_patch, pre_unpatch, post_unpatch } = written;
  return {
    prePatch: (kernel) => runSteps(kernel, module, pre_patch ?? []),
    postPatch: (kernel) => runToEnd(kernel, module, post_patch ?? []),
    preUnpatch: (kernel) => runToEnd(kernel, module, pre_unpatch ?? []),
    postUnpatch: (kernel) => runToEnd(kernel, module, post_unpatch ?? []),
  };
}

function* runToEnd(kernel: Kernel, module: string, steps: readonly CallbackStep[]): Context {
  yield* runSteps(kernel, module, steps);
}

/** Answers what a `return` says: 0 unless there is one. */
function* runSteps(
  kernel: Kernel,
  module: string,
  steps: readonly CallbackStep[],
): Context<number> {
  for (const { log, sleep, return: returned } of steps) {
    if (log !== undefined) logInfo(kernel, module, log);
    if (sleep !== undefined) yield* sleepFor(kernel, 'uninterruptible', durationOf(sleep));
    if (returned !== undefined) return returnValue(returned);
  }
  return 0;
}

function returnValue(written: number | string): number {
  const value = errnoNumber(written);
  assert(value !== undefined, `${written} is an errno`);
  return value;
}

function durationOf(sleep: string): number | undefined {
  if (sleep === FOREVER) return undefined;
  const durationNs = parseDuration(sleep);
  assert(durationNs !== undefined, `${sleep} is a duration`);
  return durationNs;
}

function logInfo(kernel: Kernel, module: string, text: string): void {
  emit(kernel, { type: 'printk', level: LOG_LEVEL.info, text: `${module}: ${text}` });
}
