/** modprobe(8): a module and those that it needs. Source: kmod 30, tools/modprobe.c:insmod(). */
import { ERRNO } from '../abi/errno.ts';
import { strerror } from '../abi/strerror.ts';
import type { ModuleDefinition } from '../engine/module/model.ts';
import type { Context } from '../engine/sched/context.ts';
import { dependenciesOf } from './dependencies.ts';
import { findAvailable, findLoaded, insertModule, modulePath } from './kmod.ts';
import { isDryRun, type Probe, say, sayError, show } from './probe.ts';

const EEXIST = -ERRNO.EEXIST.number;

/** What modprobe, unlike others, says of an errno. */
const MEANING: Readonly<Record<number, string>> = {
  [ERRNO.EEXIST.number]: 'Module already in kernel',
  [ERRNO.ENOENT.number]: 'Unknown symbol in module, or unknown parameter (see dmesg)',
};

/** Answers a negative errno, which it has complained about, or 0. */
export function* insertByName(probe: Probe, alias: string, options: string): Context<number> {
  const { run, given, directory, elsewhere } = probe;
  const known = elsewhere ? undefined : findAvailable(run.kernel, alias);
  if (!known) return say(probe, `Module ${alias} not found in directory ${directory}`);
  if (given.has('R')) {
    run.output.stdout(`${known.name}\n`);
    return 0;
  }
  const result = yield* insertWithDependencies(probe, known, options);
  if (result < 0) {
    sayError(probe, `could not insert '${known.name}': ${MEANING[-result] ?? strerror(-result)}`);
  }
  return result;
}

/** Source: libkmod-module.c:kmod_module_probe_insert_module(). */
function* insertWithDependencies(
  probe: Probe,
  wanted: ModuleDefinition,
  options: string,
): Context<number> {
  const { run, given } = probe;
  const { kernel } = run;
  const looksAtLoaded = !given.has('D');
  if (looksAtLoaded && isInKernel(probe, wanted.name)) return given.has('first-time') ? EEXIST : 0;

  for (const name of [...dependenciesOf(kernel, wanted), wanted.name]) {
    if (looksAtLoaded && isInKernel(probe, name)) continue;
    const own = name === wanted.name ? options : '';
    show(probe, `insmod ${modulePath(kernel, name)} ${own}`);
    if (isDryRun(probe)) continue;
    const result = yield* insertModule(run, name, own);
    if (result === EEXIST && !(name === wanted.name && given.has('first-time'))) continue;
    if (result < 0) return result;
  }
  return 0;
}

/** Source: libkmod-module.c:module_is_inkernel(). */
function isInKernel({ run }: Probe, name: string): boolean {
  return findLoaded(run.kernel, name)?.state === 'live';
}
