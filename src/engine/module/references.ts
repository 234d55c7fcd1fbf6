/** Module references. Source: kernel/module.c:try_module_get(), module_put(). */
import { assert } from '../../abi/errno.ts';
import type { Module } from './model.ts';

/** False if the module is on its way out. */
export function tryGetModule(module: Module): boolean {
  if (module.state === 'going' || module.state === 'unformed') return false;
  module.references += 1;
  return true;
}

export function putModule(module: Module): void {
  assert(module.references > 0, `${module.name} has a reference to drop`);
  module.references -= 1;
}
