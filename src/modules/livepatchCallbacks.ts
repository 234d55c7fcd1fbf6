/**
 * livepatch-callbacks-demo, and the modules whose coming and going it tells of.
 *
 * Source: samples/livepatch/livepatch-callbacks-{demo,mod,busymod}.c.
 */
import {
  cancelWork,
  codeOf,
  createWork,
  defineModule,
  type FunctionDefinition,
  NS_PER_SECOND,
  ownModule,
  parameterOf,
  prInfo,
  scheduleWork,
  sleepFor,
  staticsOf,
  type Work,
} from './api.ts';
import { tellingCallbacks } from './callbackLines.ts';
import { defineSample } from './sample.ts';

const callbacks = tellingCallbacks('pre_patch_ret');

export const livepatchCallbacksDemo = defineSample({
  name: 'livepatch_callbacks_demo',
  parameters: { pre_patch_ret: { type: 'int', default: 0, mode: 0o644 } },
  objects: [
    { callbacks },
    { name: 'livepatch_callbacks_mod', callbacks },
    {
      name: 'livepatch_callbacks_busymod',
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

export const livepatchCallbacksMod = defineModule({
  name: 'livepatch_callbacks_mod',
  init: (kernel, module) => prInfo(kernel, module, 'livepatch_callbacks_mod_init'),
  exit: (kernel, module) => prInfo(kernel, module, 'livepatch_callbacks_mod_exit'),
});

const busyStatics = (): { work: Work | undefined } => ({ work: undefined });

const busymodWorkFunc: FunctionDefinition = {
  name: 'busymod_work_func',
  *body(call) {
    const { kernel } = call;
    const module = ownModule(call);
    const sleepSecs = Number(parameterOf(module, 'sleep_secs'));
    prInfo(kernel, module, `busymod_work_func, sleeping ${sleepSecs} seconds ...`);
    yield* sleepFor(kernel, 'uninterruptible', sleepSecs * NS_PER_SECOND);
    prInfo(kernel, module, 'busymod_work_func exit');
    return 0;
  },
};

/** It says `mod` where one would expect `busymod`, as in the kernel. */
export const livepatchCallbacksBusymod = defineModule({
  name: 'livepatch_callbacks_busymod',
  parameters: { sleep_secs: { type: 'int', default: 0, mode: 0o644 } },
  functions: [busymodWorkFunc],
  statics: busyStatics,
  init(kernel, module) {
    prInfo(kernel, module, 'livepatch_callbacks_mod_init');
    const work = createWork(codeOf(module, busymodWorkFunc));
    staticsOf(module, busyStatics).work = work;
    scheduleWork(kernel, work, 0);
  },
  *exit(kernel, module) {
    const { work } = staticsOf(module, busyStatics);
    if (work) yield* cancelWork(kernel, work);
    prInfo(kernel, module, 'livepatch_callbacks_mod_exit');
  },
});
