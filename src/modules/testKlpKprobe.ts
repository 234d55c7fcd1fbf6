/**
 * test_klp_kprobe: a probe of the function that livepatches replace.
 *
 * The kernel has it since 6.13, but it needs no more of a kernel than that a post handler makes the
 * difference: before 5.5 every probe excludes livepatches, and its parameter would say nothing.
 *
 * Source: tools/testing/selftests/livepatch/test_modules/test_klp_kprobe.c.
 */
import { assert } from '../abi/errno.ts';
import {
  defineModule,
  type Kprobe,
  parameterOf,
  registerKprobe,
  since,
  staticsOf,
  unregisterKprobe,
} from './api.ts';

const statics = (): { kprobe: Kprobe | undefined } => ({ kprobe: undefined });

export const testKlpKprobe = defineModule({
  name: 'test_klp_kprobe',
  parameters: { has_post_handler: { type: 'bool', default: true, mode: 0o444 } },
  releases: since('5.5'),
  statics,
  init(kernel, module) {
    const symbolName = 'cmdline_proc_show';
    const kprobe = parameterOf(module, 'has_post_handler')
      ? { symbolName, postHandler: () => {} }
      : { symbolName };
    registerKprobe(kernel, kprobe);
    staticsOf(module, statics).kprobe = kprobe;
  },
  *exit(kernel, module) {
    const { kprobe } = staticsOf(module, statics);
    assert(kprobe, 'a module that is live has registered its probe');
    yield* unregisterKprobe(kernel, kprobe);
  },
});
