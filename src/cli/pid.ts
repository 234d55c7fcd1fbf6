/** Process ids on the command line. */
import { InvalidArgumentError } from 'commander';

export function parsePid(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a number above 0.');
  return Number(text);
}
