/**
 * Shadow variables: data that a livepatch attaches to objects which have no room for it.
 *
 * Nothing ties them to a patch: whoever does not free them leaves them behind.
 *
 * Source: kernel/livepatch/shadow.c.
 */
import { emit } from '../events.ts';
import type { Kernel } from '../kernel.ts';
import { formatPointer, type Pointer } from '../pointer.ts';
import { LOG_LEVEL } from '../printk.ts';

/** The memory of a variable: what is in it can be changed in place. */
export interface ShadowData {
  value: unknown;
}

/** klp_shadow_ctor_t, of 4.18 and later: zero, or the errno for which there is no variable. */
export type ShadowConstructor = (object: Pointer, data: ShadowData, ctorData: unknown) => number;
/** klp_shadow_dtor_t, of 4.18 and later. */
export type ShadowDestructor = (object: Pointer, data: ShadowData) => void;

/** What is in a new variable. Constructors run under a spin lock: they cannot sleep. */
export type ShadowInitial =
  /** A copy of the data; from 4.18 on, a constructor that makes one. */
  | { readonly data: unknown }
  /** From 4.18 on. */
  | { readonly ctor: ShadowConstructor | undefined; readonly ctorData: unknown };

/** Which object, and which of its variables. */
export interface ShadowKey {
  readonly object: Pointer;
  readonly id: number;
}

/** klp_shadow_hash, by id and object. */
export type ShadowVariables = Map<number, Map<Pointer, ShadowData>>;

/** klp_shadow_get(): undefined if there is none. */
export function shadowGet(kernel: Kernel, { object, id }: ShadowKey): ShadowData | undefined {
  return kernel.livepatch.shadows.get(id)?.get(object);
}

/** klp_shadow_alloc(): undefined, and a warning, if there is one already. */
export function shadowAlloc(
  kernel: Kernel,
  key: ShadowKey,
  initial: ShadowInitial,
): ShadowData | undefined {
  if (!shadowGet(kernel, key)) return construct(kernel, key, initial);
  const text = `Duplicate shadow variable ${formatKey(kernel, key)}`;
  emit(kernel, { type: 'printk', level: LOG_LEVEL.warning, text });
  return undefined;
}

/** klp_shadow_get_or_alloc(): one that exists stays as it is. */
export function shadowGetOrAlloc(
  kernel: Kernel,
  key: ShadowKey,
  initial: ShadowInitial,
): ShadowData | undefined {
  return shadowGet(kernel, key) ?? construct(kernel, key, initial);
}

/** klp_shadow_free(): silent if there is none. */
export function shadowFree(kernel: Kernel, key: ShadowKey, dtor?: ShadowDestructor): void {
  if (dtor) kernel.semantics.checkShadowFunction('destructor');
  const data = shadowGet(kernel, key);
  if (!data) return;
  kernel.livepatch.shadows.get(key.id)?.delete(key.object);
  dtor?.(key.object, data);
}

/** klp_shadow_free_all(): the variables of all objects that have this id. */
export function shadowFreeAll(kernel: Kernel, id: number, dtor?: ShadowDestructor): void {
  for (const object of [...(kernel.livepatch.shadows.get(id)?.keys() ?? [])]) {
    shadowFree(kernel, { object, id }, dtor);
  }
}

function construct(kernel: Kernel, key: ShadowKey, initial: ShadowInitial): ShadowData | undefined {
  const data: ShadowData = { value: 0 };
  if ('data' in initial) {
    data.value = initial.data;
  } else if (initial.ctor) {
    kernel.semantics.checkShadowFunction('constructor');
    const errno = initial.ctor(key.object, data, initial.ctorData);
    if (errno !== 0) {
      emit(kernel, { type: 'shadow-failed', variable: formatKey(kernel, key), errno });
      return undefined;
    }
  }
  const variables = kernel.livepatch.shadows.get(key.id) ?? new Map<Pointer, ShadowData>();
  kernel.livepatch.shadows.set(key.id, variables);
  variables.set(key.object, data);
  return data;
}

/** `<%p, %lx>`. */
function formatKey(kernel: Kernel, { object, id }: ShadowKey): string {
  return `<${formatPointer(kernel, object)}, ${id.toString(16)}>`;
}
