/** Taints that modules cause. Source: kernel/module.c:check_modinfo(), include/linux/kernel.h. */
import { emit } from '../events.ts';
import type { Kernel } from '../kernel.ts';
import type { ModuleEvent } from './events.ts';
import type { ModuleDefinition } from './model.ts';

type TaintEvent = Extract<ModuleEvent, { type: `module-tainting-${string}` }>['type'];

interface Taint {
  readonly letter: string;
  readonly bit: number;
  readonly event: TaintEvent;
  readonly applies: (definition: ModuleDefinition) => boolean;
}

/** In the order of the log lines; the letters of a module are in the order of the bits. */
const TAINTS: readonly Taint[] = [
  {
    letter: 'O',
    bit: 12,
    event: 'module-tainting-out-of-tree',
    applies: ({ intree }) => !intree,
  },
  {
    letter: 'K',
    bit: 15,
    event: 'module-tainting-livepatch',
    applies: ({ livepatch }) => livepatch,
  },
  {
    letter: 'E',
    bit: 13,
    event: 'module-tainting-unsigned',
    applies: ({ intree }) => !intree,
  },
];

/** Taints the kernel, logs each kind once a boot, and answers the letters of the module. */
export function taintForModule(kernel: Kernel, definition: ModuleDefinition): string {
  const caused = TAINTS.filter(({ applies }) => applies(definition));
  for (const { event, bit } of caused) {
    kernel.modules.taintMask |= 1 << bit;
    if (kernel.modules.printedOnce.has(event)) continue;
    kernel.modules.printedOnce.add(event);
    emit(kernel, { type: event, module: definition.name });
  }
  return [...caused]
    .sort((a, b) => a.bit - b.bit)
    .map(({ letter }) => letter)
    .join('');
}
