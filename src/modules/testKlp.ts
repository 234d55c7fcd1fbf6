/**
 * The modules of the kernel's livepatch selftests: functions and callbacks.
 *
 * Source: lib/livepatch/test_klp_{livepatch,atomic_replace,callbacks_*}.c.
 */
import {
  between,
  codeOf,
  createWaitQueue,
  createWork,
  defineLivepatch,
  defineModule,
  type FunctionDefinition,
  flushWork,
  type Kernel,
  type ModuleDefinition,
  NS_PER_MS,
  ownModule,
  parameterOf,
  prInfo,
  scheduleWork,
  since,
  sleepFor,
  staticsOf,
  type Work,
  waitOn,
  wakeAll,
} from './api.ts';
import { tellingCallbacks } from './callbackLines.ts';

export const testKlpLivepatch = defineLivepatch({
  name: 'test_klp_livepatch',
  objects: [
    {
      funcs: [
        {
          oldName: 'cmdline_proc_show',
          body(call) {
            const { name } = ownModule(call);
            if (call.seq) call.seq.text += `${name}: this has been live patched\n`;
            return 0;
          },
        },
      ],
    },
  ],
});

/** The parameter is looked at when the module is loaded, and not again. */
const REPLACE = { type: 'int', default: 0, mode: 0o644 } as const;
const replaceIfAsked: NonNullable<ModuleDefinition['adjustPatch']> = (_kernel, module, patch) => ({
  ...patch,
  replace: Boolean(parameterOf(module, 'replace')),
});

export const testKlpAtomicReplace = defineLivepatch({
  name: 'test_klp_atomic_replace',
  releases: since('5.1'),
  parameters: { replace: REPLACE },
  adjustPatch: replaceIfAsked,
  objects: [
    {
      funcs: [
        {
          oldName: 'meminfo_proc_show',
          body(call) {
            const { name } = ownModule(call);
            if (call.seq) call.seq.text += `${name}: this has been live patched\n`;
            return 0;
          },
        },
      ],
    },
  ],
});

const callbacks = tellingCallbacks('pre_patch_ret');

export const testKlpCallbacksDemo = defineLivepatch({
  name: 'test_klp_callbacks_demo',
  parameters: { pre_patch_ret: { type: 'int', default: 0, mode: 0o644 } },
  objects: [
    { callbacks },
    { name: 'test_klp_callbacks_mod', callbacks },
    {
      name: 'test_klp_callbacks_busy',
      callbacks,
      funcs: [
        {
          oldName: 'busymod_work_func',
          newName: 'patched_work_func',
          body(call) {
            prInfo(call.kernel, ownModule(call), 'patched_work_func');
            return 0;
          },
        },
      ],
    },
  ],
});

const demo2 = {
  name: 'test_klp_callbacks_demo2',
  objects: [{ callbacks: tellingCallbacks() }],
};

export const testKlpCallbacksDemo2 = [
  defineLivepatch({ ...demo2, releases: between('4.12', '5.1') }),
  defineLivepatch({
    ...demo2,
    releases: since('5.1'),
    parameters: { replace: REPLACE },
    adjustPatch: replaceIfAsked,
  }),
];

export const testKlpCallbacksMod = defineModule({
  name: 'test_klp_callbacks_mod',
  init: (kernel, module) => prInfo(kernel, module, 'test_klp_callbacks_mod_init'),
  exit: (kernel, module) => prInfo(kernel, module, 'test_klp_callbacks_mod_exit'),
});

const busyStatics = () => {
  const work: Work | undefined = undefined;
  return { work: work as Work | undefined, started: false, starting: createWaitQueue() };
};
const BLOCK = 'block_transition';
const POLL_NS = 20 * NS_PER_MS;

const busymodWorkFunc: FunctionDefinition = {
  name: 'busymod_work_func',
  *body(call) {
    const { kernel } = call;
    const module = ownModule(call);
    prInfo(kernel, module, 'busymod_work_func enter');
    const statics = staticsOf(module, busyStatics);
    statics.started = true;
    wakeAll(kernel, statics.starting);
    while (parameterOf(module, BLOCK) === true) yield* sleepFor(kernel, 'uninterruptible', POLL_NS);
    prInfo(kernel, module, 'busymod_work_func exit');
    return 0;
  },
};

export const testKlpCallbacksBusy = defineModule({
  name: 'test_klp_callbacks_busy',
  parameters: { [BLOCK]: { type: 'bool', default: false, mode: 0o644 } },
  functions: [busymodWorkFunc],
  statics: busyStatics,
  *init(kernel, module) {
    prInfo(kernel, module, 'test_klp_callbacks_busy_init');
    const statics = staticsOf(module, busyStatics);
    statics.work = createWork(codeOf(module, busymodWorkFunc));
    scheduleWork(kernel, statics.work, 0);
    while (!statics.started) yield* waitOn(kernel, statics.starting, 'uninterruptible');
    if (parameterOf(module, BLOCK) === false) yield* flushWork(kernel, statics.work);
  },
  *exit(kernel, module) {
    module.parameters.set(BLOCK, false);
    yield* flushIfAny(kernel, staticsOf(module, busyStatics).work);
    prInfo(kernel, module, 'test_klp_callbacks_busy_exit');
  },
});

function* flushIfAny(kernel: Kernel, work: Work | undefined) {
  if (work) yield* flushWork(kernel, work);
}
