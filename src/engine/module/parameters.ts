/** Module parameters: parsing and printing. Source: kernel/params.c, lib/kstrtox.c. */
import { KernelError } from '../../abi/errno.ts';
import { emit } from '../events.ts';
import type { Kernel } from '../kernel.ts';
import { parseBool, parseInteger } from '../kstrtox.ts';
import { LOG_LEVEL } from '../printk.ts';
import type { ParameterDefinition, ParameterValue } from './model.ts';

const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;

/**
 * `text` is undefined for a name without `=`, which is how booleans are switched on.
 *
 * @throws KernelError EINVAL or ERANGE as param_set_*() does.
 */
export function parseParameter(
  kernel: Kernel,
  parameter: ParameterDefinition,
  text: string | undefined,
): ParameterValue {
  const { name, type, most } = parameter;
  if (text === undefined) {
    if (type === 'bool' && most === undefined) return true;
    throw new KernelError('EINVAL', `${name} needs a value`);
  }
  return most === undefined ? parseOne(kernel, type, text) : parseArray(kernel, parameter, text);
}

/** Source: param_array(). */
function parseArray(
  kernel: Kernel,
  { name, type, most = 0 }: ParameterDefinition,
  text: string,
): ParameterValue {
  return text.split(',').map((element, index) => {
    if (index < most) return parseOne(kernel, type, element);
    const line = `${name}: can only take ${most} arguments`;
    emit(kernel, { type: 'printk', level: LOG_LEVEL.error, text: line });
    throw new KernelError('EINVAL', line);
  });
}

function parseOne(kernel: Kernel, type: ParameterDefinition['type'], text: string) {
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

/** As its file shows it, with the newline; an array without elements shows nothing. */
export function formatParameter(value: ParameterValue): string {
  const elements = Array.isArray(value) ? value : [value];
  if (elements.length === 0) return '';
  return `${elements.map(formatOne).join(',')}\n`;
}

function formatOne(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'Y' : 'N';
  return String(value);
}
