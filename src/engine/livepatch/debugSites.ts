/**
 * The pr_debug() calls of kernel/livepatch, release by release.
 *
 * Source: kernel/livepatch/transition.c. The lines of 6.1 and 6.12 are those that Debian's kernels
 * list; 4.15's are counted in its source, and 6.14 is taken to have those of 6.12.
 */
import { isIn, type Release, type ReleaseSpan, since } from '../../abi/release.ts';
import type { DebugSiteDefinition } from '../dynamicDebug/sites.ts';
import type { Holdup } from './events.ts';

/** Which line of the log a site prints: the event that it tells of, or why a task stays behind. */
export type LivepatchDebugLine =
  | 'transition-initializing'
  | 'transition-completing'
  | 'transition-reversing'
  | 'transition-canceling'
  | Holdup['kind'];

export interface DebugSiteEra {
  readonly releases: ReleaseSpan;
  readonly sites: readonly DebugSiteDefinition[];
}

/** The last row whose span holds a release is its own. */
// biome-ignore format: the columns are the point
export const DEBUG_SITE_ERAS: readonly DebugSiteEra[] = [
  {
    releases: since('4.12'),
    sites: [
      site(85,  'klp_complete_transition', "'%s': completing %s transition\n", 'transition-completing'),
      site(170, 'klp_cancel_transition',   "'%s': canceling patching transition, going to unpatch\n", 'transition-canceling'),
      // The text is made in a buffer while the run queue is locked.
      site(363, 'klp_try_switch_task',     '%s', 'running', 'unreliable-stack', 'sleeping-on'),
      site(507, 'klp_init_transition',     "'%s': initializing %s transition\n", 'transition-initializing'),
      site(575, 'klp_reverse_transition',  "'%s': reversing transition from %s\n", 'transition-reversing'),
    ],
  },
  {
    releases: since('6.1'),
    sites: [
      site(75,  'klp_complete_transition', "'%s': completing %s transition\n", 'transition-completing'),
      site(148, 'klp_cancel_transition',   "'%s': canceling patching transition, going to unpatch\n", 'transition-canceling'),
      site(316, 'klp_try_switch_task',     '%s: %s:%d is running\n', 'running'),
      site(320, 'klp_try_switch_task',     '%s: %s:%d has an unreliable stack\n', 'unreliable-stack'),
      site(324, 'klp_try_switch_task',     '%s: %s:%d is sleeping on function %s\n', 'sleeping-on'),
      site(329, 'klp_try_switch_task',     '%s: Unknown error code (%d) when trying to switch %s:%d\n'),
      site(521, 'klp_init_transition',     "'%s': initializing %s transition\n", 'transition-initializing'),
      site(582, 'klp_reverse_transition',  "'%s': reversing transition from %s\n", 'transition-reversing'),
    ],
  },
  {
    releases: since('6.12'),
    sites: [
      site(97,  'klp_complete_transition', "'%s': completing %s transition\n", 'transition-completing'),
      site(170, 'klp_cancel_transition',   "'%s': canceling patching transition, going to unpatch\n", 'transition-canceling'),
      site(345, 'klp_try_switch_task',     '%s: %s:%d is running\n', 'running'),
      site(349, 'klp_try_switch_task',     '%s: %s:%d has an unreliable stack\n', 'unreliable-stack'),
      site(353, 'klp_try_switch_task',     '%s: %s:%d is sleeping on function %s\n', 'sleeping-on'),
      site(358, 'klp_try_switch_task',     '%s: Unknown error code (%d) when trying to switch %s:%d\n'),
      site(591, 'klp_init_transition',     "'%s': initializing %s transition\n", 'transition-initializing'),
      site(653, 'klp_reverse_transition',  "'%s': reversing transition from %s\n", 'transition-reversing'),
    ],
  },
];

/** Those of a release, in the order of the control file. */
export function livepatchDebugSites(release: Release): readonly DebugSiteDefinition[] {
  return DEBUG_SITE_ERAS.findLast(({ releases }) => isIn(release, releases))?.sites ?? [];
}

function site(
  line: number,
  name: string,
  format: string,
  ...prints: LivepatchDebugLine[]
): DebugSiteDefinition {
  return {
    file: 'kernel/livepatch/transition.c',
    line,
    module: 'livepatch',
    function: name,
    format,
    prints,
  };
}
