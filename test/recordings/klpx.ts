/**
 * The oracle's own modules: functions to patch, and a patch that its parameters describe.
 *
 * Source: scripts/oracle/klpx/klpx_target.c and klpx_generic.h, whose parameters these are.
 */
import { assert, KernelError } from '../../src/abi/errno.ts';
import { callFunction } from '../../src/engine/call.ts';
import { NS_PER_MS } from '../../src/engine/clock.ts';
import { emit } from '../../src/engine/events.ts';
import { type FunctionDefinition, lookupName, type SeqFile } from '../../src/engine/kallsyms.ts';
import type { Kernel } from '../../src/engine/kernel.ts';
import { createPatch } from '../../src/engine/livepatch/create.ts';
import {
  type Callbacks,
  type FuncDefinition,
  type ObjectDefinition,
  objectName,
  type PatchObject,
} from '../../src/engine/livepatch/model.ts';
import type {
  Module,
  ModuleDefinition,
  ParameterDefinition,
} from '../../src/engine/module/model.ts';
import { LOG_LEVEL } from '../../src/engine/printk.ts';
import { createProcEntry, removeProcEntry } from '../../src/engine/procEntries.ts';
import type { Context, SleepState, Wakeup } from '../../src/engine/sched/context.ts';
import { runKthread, shouldStop, stopKthread } from '../../src/engine/sched/kthread.ts';
import { pushFrame } from '../../src/engine/sched/stack.ts';
import { stackOf } from '../../src/engine/sched/task.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';

const TARGET = 'klpx_target';
/** Of klpx_wait() and its replacement, between two looks whether they may go on. */
const SLEEP_NS = 100 * NS_PER_MS;
const ERESTARTSYS = 512;

export function logInfo(kernel: Kernel, { name }: Module, text: string): void {
  emit(kernel, { type: 'printk', level: LOG_LEVEL.info, text: `${name}: ${text}` });
}

/** Sleeps inside a function of vmlinux that has no body of its own. */
function* sleepIn(kernel: Kernel, name: string, state: SleepState): Context<Wakeup> {
  const { current: task } = kernel;
  const code = lookupName(kernel.kallsyms, name);
  assert(code, `vmlinux has ${name}`);
  const caller = stackOf(kernel.tasks, task);
  kernel.tasks.stack[task] = pushFrame(caller, code);
  const wakeup = yield* sleepFor(kernel, state, SLEEP_NS);
  kernel.tasks.stack[task] = caller;
  return wakeup;
}

/** Calls a function of a module, by way of ftrace. */
function* callIn(module: Module, definition: FunctionDefinition, kernel: Kernel, seq?: SeqFile) {
  const code = module.code.get(definition);
  assert(code, `${module.name} has ${definition.name}`);
  return yield* callFunction(kernel, code, seq ? { seq } : {});
}

function shows(name: string, text: string): FunctionDefinition {
  return {
    name,
    body: ({ seq }) => {
      if (seq) seq.text += text;
      return 0;
    },
  };
}

function parameterOf(kernel: Kernel, name: string): number {
  return Number(kernel.modules.loaded.get(TARGET)?.parameters.get(name));
}

/** By the number of the mode: how klpx_wait() sleeps. The scheduler's own functions are no frames. */
const WAITS = [
  (kernel: Kernel) => sleepIn(kernel, 'msleep_interruptible', 'interruptible'),
  (kernel: Kernel) => sleepFor(kernel, 'killable', SLEEP_NS),
  (kernel: Kernel) => sleepIn(kernel, 'msleep', 'uninterruptible'),
] as const;
const UNINTERRUPTIBLE = 2;

const klpxWait: FunctionDefinition = {
  name: 'klpx_wait',
  *body({ kernel }) {
    const isKthread = kernel.kthreads.has(kernel.current);
    const mode = isKthread ? UNINTERRUPTIBLE : parameterOf(kernel, 'mode');
    const wait = WAITS[mode] ?? WAITS[UNINTERRUPTIBLE];
    while (parameterOf(kernel, 'release') === 0) {
      const wakeup = yield* wait(kernel);
      if (wakeup === 'signal') return -ERESTARTSYS;
    }
    return 0;
  },
};

const klpxValueShow = shows('klpx_value_show', 'original value\n');
const klpxSecondShow = shows('klpx_second_show', 'original second\n');

const valueShow: FunctionDefinition = {
  name: 'value_show',
  *body({ kernel, module, seq }) {
    assert(module, 'it belongs to klpx_target');
    yield* callIn(module, klpxValueShow, kernel, seq);
    return yield* callIn(module, klpxSecondShow, kernel, seq);
  },
};

const klpxWaitShow: FunctionDefinition = {
  name: 'klpx_wait_show',
  *body({ kernel, module, seq }) {
    assert(module, 'it belongs to klpx_target');
    const returned = yield* callIn(module, klpxWait, kernel);
    if (returned === 0 && seq) seq.text += 'released\n';
    return returned;
  },
};

const klpxKthread: FunctionDefinition = {
  name: 'klpx_kthread',
  *body({ kernel, module }) {
    assert(module, 'it belongs to klpx_target');
    while (!shouldStop(kernel)) {
      yield* callIn(module, klpxWait, kernel);
      yield* sleepFor(kernel, 'interruptible', 200 * NS_PER_MS);
    }
    return 0;
  },
};

const int = (name: string, mode: number): ParameterDefinition => ({
  name,
  type: 'int',
  default: 0,
  mode,
});
const text = (name: string): ParameterDefinition => ({
  name,
  type: 'string',
  default: '',
  mode: 0o444,
});

const klpxTarget: ModuleDefinition = {
  name: TARGET,
  livepatch: false,
  intree: false,
  depends: [],
  parameters: [int('mode', 0o644), int('release', 0o644), int('kthr', 0o444)],
  functions: [klpxWait, klpxValueShow, klpxSecondShow, valueShow, klpxWaitShow, klpxKthread],
  init(kernel, module) {
    for (const [name, show] of [
      ['klpx_value', valueShow],
      ['klpx_wait', klpxWaitShow],
    ] as const) {
      const code = module.code.get(show);
      assert(code, 'a module is laid out before its init()');
      createProcEntry(kernel, name, code);
    }
    const thread = module.code.get(klpxKthread);
    if (module.parameters.get('kthr') && thread) {
      module.kthreads.push(runKthread(kernel, 'klpx_kthread', thread));
    }
    logInfo(kernel, module, 'loaded');
  },
  *exit(kernel, module) {
    module.parameters.set('release', 1);
    for (const kthread of module.kthreads) yield* stopKthread(kernel, kthread);
    removeProcEntry(kernel, 'klpx_value');
    removeProcEntry(kernel, 'klpx_wait');
    logInfo(kernel, module, 'unloaded');
  },
};

const PARAMETERS = [
  ...['obj0', 'f0', 'f1', 'obj1', 'g0'].map(text),
  ...['s0', 's1', 't0', 'w', 'replace', 'cb', 'nofuncs', 'noobjs', 'state_id', 'state_ver'].map(
    (name) => int(name, 0o444),
  ),
  ...['init_ret', 'hold_ms'].map((name) => int(name, 0o444)),
  ...['pre_ret', 'pre_ret1', 'hold_wait'].map((name) => int(name, 0o644)),
];

function livepatch(name: string, marked: boolean): ModuleDefinition {
  const newShow0 = shows('new_show0', `${name}: f0 live patched\n`);
  const newShow1 = shows('new_show1', `${name}: f1 live patched\n`);
  const newWait: FunctionDefinition = {
    name: 'new_wait',
    *body({ kernel, module }) {
      while (module?.parameters.get('hold_wait')) {
        yield* sleepIn(kernel, 'msleep', 'uninterruptible');
      }
      return 0;
    },
  };
  return {
    name,
    livepatch: marked,
    intree: false,
    depends: [],
    parameters: PARAMETERS,
    functions: [newShow0, newShow1, newWait],
    *init(kernel, module) {
      const objects = objectsOf(module, { newShow0, newShow1, newWait });
      if (!objects) {
        logInfo(kernel, module, 'klp_enable_patch returned -22');
        throw new KernelError('EINVAL', 'no list of objects, or of functions');
      }
      module.patch = createPatch(module, {
        immediate: false,
        replace: numberOf(module, 'replace') !== 0,
        states: statesOf(module),
        objects,
      });
      try {
        yield* kernel.semantics.initPatch(kernel, module.patch);
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        logInfo(kernel, module, `klp_enable_patch returned ${error.errno}`);
        throw error;
      }
      logInfo(kernel, module, 'klp_enable_patch returned 0');
      yield* sleepFor(kernel, 'uninterruptible', numberOf(module, 'hold_ms') * NS_PER_MS);
    },
    exit: (kernel, module) => logInfo(kernel, module, 'exit'),
  };
}

interface NewFunctions {
  readonly newShow0: FunctionDefinition;
  readonly newShow1: FunctionDefinition;
  readonly newWait: FunctionDefinition;
}

/**
 * Undefined where klp_enable_patch() is given what it refuses before it looks at the patch: no
 * objects, or a module without functions. An object with neither ends the list.
 */
function objectsOf(module: Module, { newShow0, newShow1, newWait }: NewFunctions) {
  const obj0 = textOf(module, 'obj0');
  const isWithoutFuncs = numberOf(module, 'nofuncs') !== 0;
  if (numberOf(module, 'noobjs') || (isWithoutFuncs && obj0)) return undefined;
  if (isWithoutFuncs) return [];

  const callbacks = numberOf(module, 'cb') ? CALLBACKS : {};
  const objects: ObjectDefinition[] = [];
  const funcs = [
    func(textOf(module, 'f0'), newShow0, numberOf(module, 's0')),
    func(textOf(module, 'f1'), newShow1, numberOf(module, 's1')),
    func(numberOf(module, 'w') ? 'klpx_wait' : '', newWait, 0),
  ].flat();
  objects.push({ name: obj0 || undefined, funcs, callbacks });
  const obj1 = textOf(module, 'obj1');
  if (obj1) {
    const funcs = func(textOf(module, 'g0'), newShow1, numberOf(module, 't0'));
    objects.push({ name: obj1 === 'vmlinux' ? undefined : obj1, funcs, callbacks });
  }
  return objects;
}

/** None without a name. */
function func(oldName: string, newFunction: FunctionDefinition, sympos: number): FuncDefinition[] {
  return oldName ? [{ oldName, newFunction, sympos, immediate: false }] : [];
}

const CALLBACKS: Callbacks = {
  prePatch(kernel, object) {
    logCallback(kernel, 'pre_patch', object);
    const isSecond = object.patch.objects.indexOf(object) === 1;
    return numberOf(object.patch.module, isSecond ? 'pre_ret1' : 'pre_ret');
  },
  postPatch: (kernel, object) => logCallback(kernel, 'post_patch', object),
  preUnpatch: (kernel, object) => logCallback(kernel, 'pre_unpatch', object),
  postUnpatch: (kernel, object) => logCallback(kernel, 'post_unpatch', object),
};

function logCallback(kernel: Kernel, which: string, object: PatchObject): void {
  const loaded = object.module ? 1 : 0;
  logInfo(kernel, object.patch.module, `cb ${which} ${objectName(object)} mod=${loaded}`);
}

function numberOf({ parameters }: Module, name: string): number {
  return Number(parameters.get(name));
}

function textOf({ parameters }: Module, name: string): string {
  return String(parameters.get(name));
}

export const KLPX_MODULES: readonly ModuleDefinition[] = [
  klpxTarget,
  livepatch('klpx_a', true),
  livepatch('klpx_b', true),
  livepatch('klpx_c', true),
  livepatch('klpx_nolp', false),
];

function statesOf(module: Module) {
  const id = numberOf(module, 'state_id');
  return id === 0 ? [] : [{ id, version: numberOf(module, 'state_ver') >>> 0 }];
}
