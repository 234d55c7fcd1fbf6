/** Module parameters: parsing and printing. Source: kernel/params.c, lib/kstrtox.c. */
import { KernelError } from '../../abi/errno.ts';
import type { Kernel } from '../kernel.ts';
import { parseBool, parseInteger } from '../kstrtox.ts';
import type { ParameterDefinition } from './model.ts';

export type ParameterValue = number | boolean | string;

const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;

/** @throws KernelError EINVAL or ERANGE as param_set_*() does. */
export function parseParameter(
  kernel: Kernel,
  { type }: ParameterDefinition,
  text: string,
): ParameterValue {
  switch (type) {
    case 'int': {
      const value = parseInteger(text);
      if (value < INT_MIN || value > INT_MAX) throw new KernelError('ERANGE', `${value} is no int`);
      return value;
    }
    case 'bool':
      return parseBool(text, kernel.config.release);
    case 'string':
      return text.replace(/\n$/, '');
  }
}

/** As its file shows it, with the newline. */
export function formatParameter(value: ParameterValue): string {
  if (typeof value === 'boolean') return value ? 'Y\n' : 'N\n';
  return `${value}\n`;
}
