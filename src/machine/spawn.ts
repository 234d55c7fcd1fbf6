/** Tasks for a machine that runs already, in the words of its description. */

import type { ModuleDefinition } from '../engine/module/model.ts';
import type { TaskDefinition } from '../engine/sched/start.ts';
import { toTaskDefinitions } from './bootOptions.ts';
import { findContradictions } from './contradiction.ts';
import { type MachineDescription, tasksFileSchema } from './description.ts';
import { type Finding, lineOf, parseSource, refusal } from './document.ts';
import { validate } from './validation.ts';

/**
 * Reads `tasks: [...]`.
 *
 * @throws MachineError with everything that is wrong, each with its place in the text.
 */
export function parseTasks(
  text: string,
  fileName: string,
  machine: MachineDescription,
  available: readonly ModuleDefinition[],
): TaskDefinition[] {
  const source = parseSource(text, fileName);
  const refuse = (findings: readonly Finding[]) => refusal(source, findings);
  const { tasks } = validate(tasksFileSchema, source.value ?? null, refuse);
  const extended = { ...machine, tasks };
  const contradictions = findContradictions(extended, available, (path) => lineOf(source, path));
  if (contradictions.length > 0) throw refuse(contradictions);
  return toTaskDefinitions(tasks);
}
