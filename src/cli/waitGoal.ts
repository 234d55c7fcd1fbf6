/** What `klpfs wait` waits for, and how it knows that it has come. */
import type { PatchSight } from './patches.ts';

export const GOALS = ['transition', 'enabled', 'disabled', 'gone'] as const;
export type Goal = (typeof GOALS)[number];

/** vanished: the patch has gone, and what was waited for cannot come any more. */
export type Verdict = 'reached' | 'not-yet' | 'vanished';

/** `before` is what was seen last while something was there. */
export function judge(goal: Goal, sight: PatchSight, before: PatchSight | undefined): Verdict {
  switch (sight.kind) {
    case 'present':
      return isReached(goal, sight.enabled, sight.transition) ? 'reached' : 'not-yet';
    case 'loading':
      return 'not-yet';
    case 'unpatched':
      return goal === 'enabled' ? 'vanished' : 'reached';
    case 'absent':
      return judgeAbsent(goal, before);
  }
}

function isReached(goal: Goal, enabled: boolean, transition: boolean): boolean {
  switch (goal) {
    case 'transition':
      return !transition;
    case 'enabled':
      return enabled && !transition;
    case 'disabled':
      return !enabled && !transition;
    case 'gone':
      return false;
  }
}

/** Whoever removed the module could do so only after the patch had been disabled. */
function judgeAbsent(goal: Goal, before: PatchSight | undefined): Verdict {
  if (goal === 'gone') return 'reached';
  const wasDisabled =
    before?.kind === 'unpatched' || (before?.kind === 'present' && !before.enabled);
  return wasDisabled && goal !== 'enabled' ? 'reached' : 'vanished';
}
