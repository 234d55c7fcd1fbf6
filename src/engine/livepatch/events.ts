/** What livepatch announces. */
import type { TargetState } from './model.ts';

/** Why a task stays behind in a pass. An outcome, not an error: the next pass may succeed. */
export type Holdup =
  | { readonly kind: 'running' }
  | { readonly kind: 'unreliable-stack' }
  | { readonly kind: 'sleeping-on'; readonly oldName: string };

export type KlpEvent =
  | { readonly type: 'enabling'; readonly patch: string }
  | TransitionEvent<'transition-initializing'>
  | TransitionEvent<'transition-starting'>
  | TransitionEvent<'transition-completing'>
  | TransitionEvent<'transition-completed'>
  /** `target` is the one that is given up. */
  | TransitionEvent<'transition-reversing'>
  | { readonly type: 'transition-canceling'; readonly patch: string }
  | { readonly type: 'transition-forcing'; readonly patch: string }
  | { readonly type: 'transition-signaling'; readonly patch: string }
  | {
      readonly type: 'task-held-up';
      readonly comm: string;
      readonly pid: number;
      readonly holdup: Holdup;
      /** The function that prints the line; releases differ. */
      readonly printer: string;
    }
  | { readonly type: 'pre-patch-failed'; readonly object: string }
  | { readonly type: 'patching-object-failed'; readonly object: string }
  | { readonly type: 'enabling-failed'; readonly patch: string }
  | { readonly type: 'applying-to-module'; readonly patch: string; readonly module: string }
  | { readonly type: 'reverting-on-module'; readonly patch: string; readonly module: string }
  | ModuleFailure<'initializing-for-module-failed'>
  | ModuleFailure<'applying-to-module-failed'>
  | { readonly type: 'refusing-module'; readonly patch: string; readonly module: string }
  | { readonly type: 'invalid-module-name'; readonly module: string }
  | { readonly type: 'incompatible-states'; readonly patch: string }
  | { readonly type: 'not-a-livepatch-module'; readonly module: string }
  | { readonly type: 'no-reliable-stacks'; readonly level: 'error' | 'warning' }
  | { readonly type: 'may-never-complete' }
  | { readonly type: 'symbol-not-found'; readonly symbol: string }
  | { readonly type: 'symbol-ambiguous'; readonly symbol: string; readonly object: string }
  | {
      readonly type: 'symbol-position-not-found';
      readonly symbol: string;
      readonly object: string;
      readonly sympos: number;
    }
  /** WARN_ON_ONCE() in the handler: what the order of writers rules out. */
  | {
      readonly type: 'handler-warning';
      readonly cpu: number;
      readonly pid: number;
      readonly what: string;
    }
  /** `variable`: its object and its id. */
  | { readonly type: 'shadow-failed'; readonly variable: string; readonly errno: number }
  | { readonly type: 'location-not-found'; readonly oldName: string }
  | { readonly type: 'setting-filter-failed'; readonly oldName: string; readonly errno: number }
  | { readonly type: 'registering-failed'; readonly oldName: string; readonly errno: number };

interface TransitionEvent<Type extends string> {
  readonly type: Type;
  readonly patch: string;
  readonly target: TargetState;
}

interface ModuleFailure<Type extends string> {
  readonly type: Type;
  readonly patch: string;
  readonly module: string;
  readonly errno: number;
}
