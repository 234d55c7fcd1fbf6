/**
 * livepatch-sample: what /proc/cmdline shows, changed.
 *
 * Source: samples/livepatch/livepatch-sample.c.
 */
import { defineSample } from './sample.ts';

export const livepatchSample = defineSample({
  name: 'livepatch_sample',
  objects: [
    {
      funcs: [
        {
          oldName: 'cmdline_proc_show',
          body: ({ seq }) => {
            if (seq) seq.text += 'this has been live patched\n';
            return 0;
          },
        },
      ],
    },
  ],
});
