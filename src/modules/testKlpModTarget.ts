/**
 * test_klp_mod_target, and test_klp_mod_patch, which replaces the function behind its file in /proc.
 *
 * Source: tools/testing/selftests/livepatch/test_modules/test_klp_mod_{target,patch}.c.
 */
import {
  codeOf,
  createProcEntry,
  defineLivepatch,
  defineModule,
  type FunctionDefinition,
  prInfo,
  removeProcEntry,
  since,
} from './api.ts';

const TARGET = 'test_klp_mod_target';

const show: FunctionDefinition = {
  name: `${TARGET}_show`,
  body({ seq }) {
    if (seq) seq.text += `${TARGET}: original output\n`;
    return 0;
  },
};

export const testKlpModTarget = defineModule({
  name: TARGET,
  functions: [show],
  init(kernel, module) {
    createProcEntry(kernel, TARGET, codeOf(module, show));
    prInfo(kernel, module, `${TARGET}_init`);
  },
  exit(kernel, module) {
    prInfo(kernel, module, `${TARGET}_exit`);
    removeProcEntry(kernel, TARGET);
  },
});

export const testKlpModPatch = defineLivepatch({
  name: 'test_klp_mod_patch',
  releases: since('5.1'),
  objects: [
    {
      name: TARGET,
      funcs: [
        {
          oldName: show.name,
          newName: `livepatch_${TARGET}_show`,
          body({ seq }) {
            if (seq) seq.text += 'test_klp_mod_patch: this has been live patched\n';
            return 0;
          },
        },
      ],
    },
  ],
});
