/** How a command fails that has waited in vain. */
import { CommandError, EXIT } from './commandError.ts';
import { formatSeconds } from './duration.ts';
import { type Crossing, describeBehind, formatCrossing } from './transition.ts';

/** `still` is the case after the limit; `crossing`, if any, says how far that has come. */
export function timeoutError(
  limitMs: number,
  still: string,
  crossing: Crossing | undefined,
  details: readonly string[],
): CommandError {
  const progress = crossing ? `; ${formatCrossing(crossing)}` : '';
  return new CommandError(`after ${formatSeconds(limitMs)} ${still}${progress}`, EXIT.timeout, [
    ...(crossing ? describeBehind(crossing) : []),
    ...details,
  ]);
}
