/** Doing what a manifest says. */
import { emit } from '../engine/events.ts';
import type { SeqFile } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import {
  shadowAlloc,
  shadowFree,
  shadowFreeAll,
  shadowGet,
  shadowGetOrAlloc,
} from '../engine/livepatch/shadow.ts';
import { LOG_LEVEL } from '../engine/printk.ts';
import type { Context } from '../engine/sched/context.ts';
import { sleepFor } from '../engine/sched/wait.ts';
import { type Action, FOREVER } from './action.ts';
import { toNanoseconds } from './duration.ts';
import { errnoNumber } from './errnoWord.ts';
import { assign, evaluate, interpolate, type Scope } from './variables.ts';

/** Answers what a `return` says; undefined if there was none. */
export function* runActions(
  kernel: Kernel,
  scope: Scope,
  actions: readonly Action[],
  seq?: SeqFile,
): Context<number | undefined> {
  for (const action of actions) {
    const { log, output, sleep, return: returned } = action;
    if (log !== undefined) logInfo(kernel, scope, log);
    if (output !== undefined && seq) seq.text += interpolate(scope, output);
    if (sleep !== undefined) yield* sleepFor(kernel, 'uninterruptible', durationOf(sleep));
    if (returned !== undefined) return errnoNumber(returned) ?? evaluate(scope, returned);
    assignAll(scope, action);
    useShadow(kernel, scope, action);
  }
  return undefined;
}

export function logInfo(kernel: Kernel, scope: Scope, text: string): void {
  const prefixed = `${scope.module.name}: ${interpolate(scope, text)}`;
  emit(kernel, { type: 'printk', level: LOG_LEVEL.info, text: prefixed });
}

function durationOf(sleep: string): number | undefined {
  return sleep === FOREVER ? undefined : toNanoseconds(sleep);
}

function assignAll(scope: Scope, { set = {}, add = {} }: Action): void {
  for (const [name, value] of Object.entries(set)) assign(scope, name, evaluate(scope, value));
  for (const [name, value] of Object.entries(add)) {
    assign(scope, name, (evaluate(scope, `$${name}`) + evaluate(scope, value)) | 0);
  }
}

function useShadow(kernel: Kernel, scope: Scope, action: Action): void {
  const { shadow_alloc, shadow_get_or_alloc, shadow_get, shadow_set } = action;
  const { shadow_free, shadow_free_all } = action;
  if (shadow_alloc) {
    shadowAlloc(kernel, shadow_alloc, { data: evaluate(scope, shadow_alloc.value ?? 0) });
  }
  if (shadow_get_or_alloc) {
    const data = evaluate(scope, shadow_get_or_alloc.value ?? 0);
    shadowGetOrAlloc(kernel, shadow_get_or_alloc, { data });
  }
  if (shadow_get) {
    const found = shadowGet(kernel, shadow_get);
    const missing = evaluate(scope, shadow_get.missing ?? 0);
    assign(scope, shadow_get.into, found ? Number(found.value) : missing);
  }
  if (shadow_set) {
    const found = shadowGet(kernel, shadow_set);
    if (found) found.value = evaluate(scope, shadow_set.value);
  }
  if (shadow_free) shadowFree(kernel, shadow_free);
  if (shadow_free_all !== undefined) shadowFreeAll(kernel, shadow_free_all);
}
