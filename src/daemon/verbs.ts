/** The verbs of control/ that need more than the kernel: documents, the description, the clock. */

import type { Kernel } from '../engine/kernel.ts';
import { pidsWantedBy, startTasks } from '../engine/sched/start.ts';
import { findTask } from '../engine/sched/task.ts';
import type { MachineDescription } from '../machine/description.ts';
import { MachineError } from '../machine/machineError.ts';
import { parseManifest } from '../machine/manifest.ts';
import { parseTasks } from '../machine/spawn.ts';
import { DOCUMENT_BYTES, RequestError, type Verb } from '../sysfs/controlFile.ts';
import type { Panel } from '../sysfs/root.ts';
import { clockVerb } from './clockVerb.ts';
import type { MachineLoop } from './machineLoop.ts';
import { toolFiles } from './toolFiles.ts';

/** `host`: the verbs about its processes. */
export function panelOf(
  description: MachineDescription,
  loop: MachineLoop,
  host: readonly Verb[] = [],
): Panel {
  return { verbs: [...daemonVerbs(description, loop), ...host], transactions: toolFiles };
}

function daemonVerbs(description: MachineDescription, loop: MachineLoop): readonly Verb[] {
  return [
    {
      name: 'manifest',
      show: () =>
        'write: a patch manifest, YAML or JSON; what is read then is its name, by which insmod loads it\n',
      execute: acceptManifest,
      maxBytes: DOCUMENT_BYTES,
    },
    {
      name: 'spawn',
      show: () =>
        'write: tasks, as in a machine description: {tasks: [{comm: ..., program: [...]}]}\n',
      execute: (kernel, text) => spawn(kernel, text, description),
      maxBytes: DOCUMENT_BYTES,
    },
    {
      name: 'machine',
      show: () => `${JSON.stringify(description, null, 2)}\n`,
      maxBytes: 0,
    },
    clockVerb(description, loop),
  ];
}

/** Makes the module available under its own name, which it answers; one that is loaded stays as it is. */
function acceptManifest(kernel: Kernel, text: string): string {
  const definition = asRequest(() => parseManifest(text, 'manifest', kernel.config.release));
  kernel.modules.available.set(definition.name, definition);
  return `${definition.name}\n`;
}

/** All of them, or none. */
function spawn(kernel: Kernel, text: string, description: MachineDescription): void {
  const available = [...kernel.modules.available.values()];
  const tasks = asRequest(() => parseTasks(text, 'spawn', description, available));
  for (const pid of pidsWantedBy(tasks)) {
    if (findTask(kernel.tasks, pid) === undefined) continue;
    throw new RequestError('EEXIST', `there is a process ${pid} already`);
  }
  startTasks(kernel, tasks);
}

/** A document that does not follow its schema is the writer's mistake, not the kernel's refusal. */
function asRequest<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof MachineError) throw new RequestError('EINVAL', error.message);
    throw error;
  }
}
