/** The modules that come with klpfs, ready for insmod. */
import type { ModuleDefinition } from '../engine/module/model.ts';
import { kthreadDemo } from './kthreadDemo.ts';
import { livepatchSample } from './livepatchSample.ts';

export const builtinModules: readonly ModuleDefinition[] = [livepatchSample, kthreadDemo];
