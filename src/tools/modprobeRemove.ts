/** modprobe -r: a module, and what it needed if nobody else does. Source: kmod 30, tools/modprobe.c:rmmod(). */
import { ERRNO } from '../abi/errno.ts';
import { strerror } from '../abi/strerror.ts';
import { NS_PER_MS } from '../engine/clock.ts';
import type { ModuleDefinition } from '../engine/module/model.ts';
import type { Context } from '../engine/sched/context.ts';
import { sleepFor } from '../engine/sched/wait.ts';
import { dependenciesOf } from './dependencies.ts';
import { findAvailable, findLoaded, holdersOf, removeLoudly, removeQuietly } from './kmod.ts';
import { isDryRun, type Probe, say, sayError, show } from './probe.ts';

const EAGAIN = -ERRNO.EAGAIN.number;
const EBUSY = -ERRNO.EBUSY.number;

/** Answers a negative errno, which it has complained about, or 0. */
export function* removeByName(probe: Probe, alias: string): Context<number> {
  const known = probe.elsewhere ? undefined : findAvailable(probe.run.kernel, alias);
  if (!known) return say(probe, `Module ${alias} not found.`);
  return yield* removeWithHolders(probe, known, probe.given.has('remove-holders'));
}

/** Source: rmmod_do_module(). */
function* removeWithHolders(
  probe: Probe,
  definition: ModuleDefinition,
  alsoHolders: boolean,
): Context<number> {
  const { kernel } = probe.run;
  const { name } = definition;
  const module = findLoaded(kernel, name);
  if (!module && !probe.given.has('D')) {
    return probe.given.has('first-time') ? say(probe, `Module ${name} is not in kernel.`) : 0;
  }
  for (const holder of alsoHolders && module ? holdersOf(module).reverse() : []) {
    const known = findAvailable(kernel, holder);
    const result = known ? yield* removeWithHolders(probe, known, false) : 0;
    if (result < 0) return result;
  }
  if (module && module.references > 0 && !probe.given.has('D') && probe.waitMs === 0) {
    say(probe, `Module ${name} is in use.`);
    return EBUSY;
  }
  const result = yield* remove(probe, name);
  if (result < 0) return result;

  // In the order of loading, once: what another of them still needs at its turn stays.
  for (const needed of dependenciesOf(kernel, definition)) {
    if (findLoaded(kernel, needed)?.references === 0) yield* remove(probe, needed);
  }
  return 0;
}

/** Source: rmmod_do_remove_module(). */
function* remove(probe: Probe, name: string): Context<number> {
  show(probe, `rmmod ${name}`);
  if (isDryRun(probe)) return 0;
  if (probe.waitMs === 0) return yield* removeLoudlyIfHeard(probe, name);

  const result = yield* removeInTime(probe, name);
  if (result < 0) sayError(probe, `could not remove '${name}': ${strerror(-result)}`);
  return result;
}

function removeLoudlyIfHeard({ run, verbosity }: Probe, name: string): Context<number> {
  return verbosity > 0 ? removeLoudly(run, name) : removeQuietly(run, name);
}

/** Tries again after 1 ms, 2 ms, 4 ms, until the time is over. Source: get_backoff_delta_msec(). */
function* removeInTime({ run, waitMs }: Probe, name: string): Context<number> {
  const { kernel } = run;
  const endNs = kernel.clock.nowNs + waitMs * NS_PER_MS;
  for (let delayMs = 1; ; delayMs *= 2) {
    const result = yield* removeQuietly(run, name);
    const leftNs = endNs - kernel.clock.nowNs;
    if (result !== EAGAIN || leftNs <= 0) return result;
    const wakeup = yield* sleepFor(kernel, 'interruptible', Math.min(delayMs * NS_PER_MS, leftNs));
    if (wakeup === 'signal') return result;
  }
}
