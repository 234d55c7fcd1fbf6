/**
 * Two patches of livepatch-shadow-mod: one remembers what leaks, the other counts checks. Both keep
 * what they know of a dummy in a shadow variable.
 *
 * Source: samples/livepatch/livepatch-shadow-fix{1,2}.c.
 */
import {
  formatPointer,
  ownModule,
  prInfo,
  shadowAlloc,
  shadowFree,
  shadowFreeAll,
  shadowGet,
  shadowGetOrAlloc,
} from './api.ts';
import { allocateDummy, hasExpired, requireDummy } from './livepatchShadow.ts';
import { defineSample } from './sample.ts';

const SV_LEAK = 1;
const SV_COUNTER = 2;

const TARGET = 'livepatch_shadow_mod';

export const livepatchShadowFix1 = defineSample({
  name: 'livepatch_shadow_fix1',
  objects: [
    {
      name: TARGET,
      funcs: [
        {
          oldName: 'dummy_alloc',
          newName: 'livepatch_fix1_dummy_alloc',
          body(call) {
            const dummy = allocateDummy(call.kernel, (text) =>
              prInfo(call.kernel, ownModule(call), `livepatch_fix1_dummy_alloc: ${text}`),
            );
            shadowAlloc(call.kernel, { object: dummy, id: SV_LEAK }, { data: { leak: 0 } });
            return dummy;
          },
        },
        {
          oldName: 'dummy_free',
          newName: 'livepatch_fix1_dummy_free',
          body(call) {
            const { kernel, args } = call;
            const dummy = requireDummy(args);
            const key = { object: dummy, id: SV_LEAK };
            const leak = shadowGet(kernel, key)?.value;
            const saved = typeof leak === 'object' && leak !== null ? leak : undefined;
            shadowFree(kernel, key);
            const outcome = saved
              ? `, prevented leak @ ${formatPointer(kernel, saved)}`
              : ' leaked!';
            const where = `dummy @ ${formatPointer(kernel, dummy)}`;
            prInfo(kernel, ownModule(call), `livepatch_fix1_dummy_free: ${where}${outcome}`);
            return 0;
          },
        },
      ],
    },
  ],
  exit: (kernel) => shadowFreeAll(kernel, SV_LEAK),
});

export const livepatchShadowFix2 = defineSample({
  name: 'livepatch_shadow_fix2',
  objects: [
    {
      name: TARGET,
      funcs: [
        {
          oldName: 'dummy_check',
          newName: 'livepatch_fix2_dummy_check',
          body({ kernel, args }) {
            const dummy = requireDummy(args);
            const count = shadowGetOrAlloc(kernel, { object: dummy, id: SV_COUNTER }, { data: 0 });
            if (count) count.value = Number(count.value) + 1;
            return Number(hasExpired(dummy, args[1]));
          },
        },
        {
          oldName: 'dummy_free',
          newName: 'livepatch_fix2_dummy_free',
          body(call) {
            const { kernel, args } = call;
            const dummy = requireDummy(args);
            const key = { object: dummy, id: SV_COUNTER };
            const count = shadowGet(kernel, key);
            if (count) {
              const where = `dummy @ ${formatPointer(kernel, dummy)}`;
              const line = `livepatch_fix2_dummy_free: ${where}, check counter = ${count.value}`;
              prInfo(kernel, ownModule(call), line);
              shadowFree(kernel, key);
            }
            return 0;
          },
        },
      ],
    },
  ],
  exit: (kernel) => shadowFreeAll(kernel, SV_COUNTER),
});
