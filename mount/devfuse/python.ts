/** Python, which receives a descriptor where Node cannot. */
import { isExecutable, programsNamed } from '../programs.ts';

/** The system's own starts quickest: one that stands before it on the PATH may be a script. */
const OF_THE_SYSTEM = '/usr/bin/python3';

export function findPython(): string | undefined {
  return [OF_THE_SYSTEM, ...programsNamed('python3')].find(isExecutable);
}
