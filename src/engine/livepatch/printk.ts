/**
 * The log line of each event, to the byte: tools and tests compare them.
 *
 * Source: kernel/livepatch/{core,patch,transition}.c, pr_*() with the prefix `livepatch: `.
 */
import { type Line, LOG_LEVEL } from '../printk.ts';
import type { LivepatchDebugLine } from './debugSites.ts';
import type { Holdup, KlpEvent } from './events.ts';
import type { TargetState } from './model.ts';

export function describeKlpEvent(event: KlpEvent): Line {
  const [level, words] = describe(event);
  const text = `livepatch: ${words}`;
  const debugLine = debugLineOf(event);
  return debugLine
    ? { level: LOG_LEVEL[level], text, debugLine }
    : { level: LOG_LEVEL[level], text };
}

function debugLineOf(event: KlpEvent): LivepatchDebugLine | undefined {
  switch (event.type) {
    case 'transition-initializing':
    case 'transition-completing':
    case 'transition-reversing':
    case 'transition-canceling':
      return event.type;
    case 'task-held-up':
      return event.holdup.kind;
    default:
      return undefined;
  }
}

const VERB: Record<TargetState, string> = { patched: 'patching', unpatched: 'unpatching' };
const OPPOSITE: Record<TargetState, string> = { patched: 'unpatching', unpatched: 'patching' };

function describe(event: KlpEvent): [keyof typeof LOG_LEVEL, string] {
  switch (event.type) {
    case 'enabling':
      return ['notice', `enabling patch '${event.patch}'`];
    case 'transition-initializing':
      return ['debug', `'${event.patch}': initializing ${VERB[event.target]} transition`];
    case 'transition-starting':
      return ['notice', `'${event.patch}': starting ${VERB[event.target]} transition`];
    case 'transition-completing':
      return ['debug', `'${event.patch}': completing ${VERB[event.target]} transition`];
    case 'transition-completed':
      return ['notice', `'${event.patch}': ${VERB[event.target]} complete`];
    case 'transition-reversing':
      return [
        'debug',
        `'${event.patch}': reversing transition from ${VERB[event.target]} to ${OPPOSITE[event.target]}`,
      ];
    case 'transition-canceling':
      return ['debug', `'${event.patch}': canceling patching transition, going to unpatch`];
    case 'transition-signaling':
      return ['notice', 'signaling remaining tasks'];
    case 'transition-forcing':
      return ['warning', 'forcing remaining tasks to the patched state'];
    case 'task-held-up':
      return ['debug', `${event.printer}: ${event.comm}:${event.pid} ${reason(event.holdup)}`];
    case 'handler-warning': {
      const where = `CPU: ${event.cpu} PID: ${event.pid} at klp_ftrace_handler()`;
      return ['warning', `WARNING: ${where}: ${event.what}`];
    }
    case 'pre-patch-failed':
      return ['warning', `pre-patch callback failed for object '${event.object}'`];
    case 'patching-object-failed':
      return ['warning', `failed to patch object '${event.object}'`];
    case 'enabling-failed':
      return ['warning', `failed to enable patch '${event.patch}'`];
    case 'applying-to-module':
      return ['notice', `applying patch '${event.patch}' to loading module '${event.module}'`];
    case 'reverting-on-module':
      return ['notice', `reverting patch '${event.patch}' on unloading module '${event.module}'`];
    case 'initializing-for-module-failed':
      return [
        'warning',
        `failed to initialize patch '${event.patch}' for module '${event.module}' (${event.errno})`,
      ];
    case 'applying-to-module-failed':
      return [
        'warning',
        `failed to apply patch '${event.patch}' to module '${event.module}' (${event.errno})`,
      ];
    case 'refusing-module':
      return [
        'warning',
        `patch '${event.patch}' failed for module '${event.module}', refusing to load module '${event.module}'`,
      ];
    case 'invalid-module-name':
      return ['error', `${event.module}.ko: invalid module name`];
    case 'not-a-livepatch-module':
      return ['error', `module ${event.module} is not marked as a livepatch module`];
    case 'incompatible-states':
      return [
        'error',
        `Livepatch patch (${event.patch}) is not compatible with the already installed livepatches.`,
      ];
    case 'no-reliable-stacks':
      return [
        event.level,
        "This architecture doesn't have support for the livepatch consistency model.",
      ];
    case 'may-never-complete':
      return ['warning', 'The livepatch transition may never complete.'];
    case 'symbol-not-found':
      return ['error', `symbol '${event.symbol}' not found in symbol table`];
    case 'symbol-ambiguous':
      return [
        'error',
        `unresolvable ambiguity for symbol '${event.symbol}' in object '${event.object}'`,
      ];
    case 'symbol-position-not-found':
      return [
        'error',
        `symbol position ${event.sympos} for symbol '${event.symbol}' in object '${event.object}' not found`,
      ];
    case 'shadow-failed':
      return ['error', `Failed to construct shadow variable ${event.variable} (${event.errno})`];
    case 'location-not-found':
      return ['error', `failed to find location for function '${event.oldName}'`];
    case 'setting-filter-failed':
      return [
        'error',
        `failed to set ftrace filter for function '${event.oldName}' (${event.errno})`,
      ];
    case 'registering-failed':
      return [
        'error',
        `failed to register ftrace handler for function '${event.oldName}' (${event.errno})`,
      ];
  }
}

function reason(holdup: Holdup): string {
  switch (holdup.kind) {
    case 'running':
      return 'is running';
    case 'unreliable-stack':
      return 'has an unreliable stack';
    case 'sleeping-on':
      return `is sleeping on function ${holdup.oldName}`;
  }
}
