/** The modules that come with klpfs, ready for insmod. */
import type { ModuleDefinition } from '../engine/module/model.ts';
import { kthreadDemo } from './kthreadDemo.ts';
import {
  livepatchCallbacksBusymod,
  livepatchCallbacksDemo,
  livepatchCallbacksMod,
} from './livepatchCallbacks.ts';
import { livepatchSample } from './livepatchSample.ts';
import { livepatchShadowMod } from './livepatchShadow.ts';
import { livepatchShadowFix1, livepatchShadowFix2 } from './livepatchShadowFixes.ts';
import {
  testKlpAtomicReplace,
  testKlpCallbacksBusy,
  testKlpCallbacksDemo,
  testKlpCallbacksDemo2,
  testKlpCallbacksMod,
  testKlpLivepatch,
} from './testKlp.ts';
import { testKlpKprobe } from './testKlpKprobe.ts';
import { testKlpModPatch, testKlpModTarget } from './testKlpModTarget.ts';
import { testKlpShadowVars } from './testKlpShadowVars.ts';
import { testKlpState } from './testKlpState.ts';
import { testKlpSyscall } from './testKlpSyscall.ts';

/** Some are there in two versions, for releases that follow each other. */
export const builtinModules: readonly ModuleDefinition[] = [
  kthreadDemo,
  ...livepatchSample,
  ...livepatchCallbacksDemo,
  livepatchCallbacksMod,
  livepatchCallbacksBusymod,
  livepatchShadowMod,
  ...livepatchShadowFix1,
  ...livepatchShadowFix2,
  testKlpLivepatch,
  testKlpCallbacksDemo,
  ...testKlpCallbacksDemo2,
  testKlpCallbacksMod,
  testKlpCallbacksBusy,
  testKlpShadowVars,
  testKlpAtomicReplace,
  ...testKlpState,
  testKlpSyscall,
  testKlpModTarget,
  testKlpModPatch,
  testKlpKprobe,
];
