/** Module parameters: parsing and printing. Source: kernel/params.c, lib/kstrtox.c. */
import { KernelError } from '../../abi/errno.ts';
import { emit } from '../events.ts';
import type { Kernel } from '../kernel.ts';
import { parseBool, parseInteger } from '../kstrtox.ts';
import { LOG_LEVEL } from '../printk.ts';
import type { Element, Module, ParameterDefinition, ParameterValue } from './model.ts';

const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;

/**
 * Gives a parameter of a module another value. `text` is undefined for a name without `=`, which is
 * how booleans are switched on. An array keeps the elements in front of the one that is refused.
 *
 * @throws KernelError EINVAL or ERANGE as param_set_*() does.
 */
export function setParameter(
  kernel: Kernel,
  { parameters }: Module,
  parameter: ParameterDefinition,
  text: string | undefined,
): void {
  const { name, type, most } = parameter;
  if (most === undefined) {
    parameters.set(name, text === undefined ? switchOn(parameter) : parseOne(kernel, type, text));
    return;
  }
  if (text === undefined) throw new KernelError('EINVAL', `${name} needs a value`);
  const elements: Element[] = [];
  parameters.set(name, elements);
  for (const element of parseArray(kernel, parameter, text)) elements.push(element);
}

function switchOn({ name, type }: ParameterDefinition): boolean {
  if (type === 'bool') return true;
  throw new KernelError('EINVAL', `${name} needs a value`);
}

/** Source: param_array(). */
function* parseArray(
  kernel: Kernel,
  { name, type, most = 0 }: ParameterDefinition,
  text: string,
): Generator<Element, void> {
  for (const [index, element] of text.split(',').entries()) {
    if (index === most) {
      const line = `${name}: can only take ${most} arguments`;
      emit(kernel, { type: 'printk', level: LOG_LEVEL.error, text: line });
      throw new KernelError('EINVAL', line);
    }
    yield parseOne(kernel, type, element);
  }
}

function parseOne(kernel: Kernel, type: ParameterDefinition['type'], text: string): Element {
  switch (type) {
    case 'int': {
      const value = parseInteger(text);
      if (value < INT_MIN || value > INT_MAX) throw new KernelError('ERANGE', `${value} is no int`);
      return value;
    }
    case 'bool':
      return parseBool(text, kernel.config.release);
    case 'string':
      return text;
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
