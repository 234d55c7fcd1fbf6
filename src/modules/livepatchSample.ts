/**
 * livepatch-sample: what /proc/cmdline shows, changed.
 *
 * Source: samples/livepatch/livepatch-sample.c.
 */
import type { FunctionDefinition } from '../engine/kallsyms.ts';
import type { ModuleDefinition } from '../engine/module/model.ts';

const livepatchCmdlineProcShow: FunctionDefinition = {
  name: 'livepatch_cmdline_proc_show',
  body: ({ seq }) => {
    if (seq) seq.text += 'this has been live patched\n';
    return 0;
  },
};

export const livepatchSample: ModuleDefinition = {
  name: 'livepatch_sample',
  livepatch: true,
  intree: false,
  depends: [],
  parameters: [],
  functions: [livepatchCmdlineProcShow],
  patch: {
    immediate: false,
    objects: [
      {
        name: undefined,
        callbacks: {},
        funcs: [
          {
            oldName: 'cmdline_proc_show',
            newFunction: livepatchCmdlineProcShow,
            sympos: 0,
            immediate: false,
          },
        ],
      },
    ],
  },
};
