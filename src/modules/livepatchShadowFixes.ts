/**
 * Two patches of livepatch-shadow-mod: one remembers what leaks, the other counts checks. Both keep
 * what they know of a dummy in a shadow variable.
 *
 * From 4.18 on shadow variables have destructors: one of these frees what would leak, and the second
 * patch sees to that, too, since it replaces what the first one does.
 *
 * Source: samples/livepatch/livepatch-shadow-fix{1,2}.c of 4.15 and of 6.1.
 */
import {
  type Call,
  formatPointer,
  type Kernel,
  type Module,
  ownModule,
  type Pointer,
  prInfo,
  type ShadowDestructor,
  shadowAlloc,
  shadowFree,
  shadowFreeAll,
  shadowGet,
  shadowGetOrAlloc,
} from './api.ts';
import type { FuncSource } from './define.ts';
import { allocateDummy, hasExpired, requireDummy } from './livepatchShadow.ts';
import { defineSample } from './sample.ts';

const SV_LEAK = 1;
const SV_COUNTER = 2;

const TARGET = 'livepatch_shadow_mod';

const allocDummy: FuncSource = {
  oldName: 'dummy_alloc',
  newName: 'livepatch_fix1_dummy_alloc',
  body(call) {
    const dummy = allocateDummy(call.kernel, (text) =>
      prInfo(call.kernel, ownModule(call), `livepatch_fix1_dummy_alloc: ${text}`),
    );
    shadowAlloc(call.kernel, { object: dummy, id: SV_LEAK }, { data: { leak: 0 } });
    return dummy;
  },
};

const checkDummy: FuncSource = {
  oldName: 'dummy_check',
  newName: 'livepatch_fix2_dummy_check',
  body({ kernel, args }) {
    const dummy = requireDummy(args);
    const count = shadowGetOrAlloc(kernel, { object: dummy, id: SV_COUNTER }, { data: 0 });
    if (count) count.value = Number(count.value) + 1;
    return Number(hasExpired(dummy, args[1]));
  },
};

function freeDummy(
  newName: string,
  ...steps: ((call: Call, dummy: Pointer) => void)[]
): FuncSource {
  return {
    oldName: 'dummy_free',
    newName,
    body(call) {
      const dummy = requireDummy(call.args);
      for (const step of steps) step(call, dummy);
      return 0;
    },
  };
}

/** `dummy @ POINTER`, and what became of it. */
function say(kernel: Kernel, module: Module, where: string, dummy: Pointer, what: string): void {
  prInfo(kernel, module, `${where}: dummy @ ${formatPointer(kernel, dummy)}${what}`);
}

/** Up to 4.17: what would leak is freed where the dummy is. */
function freeLeak(call: Call, dummy: Pointer): void {
  const { kernel } = call;
  const key = { object: dummy, id: SV_LEAK };
  const leak = shadowGet(kernel, key)?.value;
  shadowFree(kernel, key);
  const outcome = isPointer(leak)
    ? `, prevented leak @ ${formatPointer(kernel, leak)}`
    : ' leaked!';
  say(kernel, ownModule(call), 'livepatch_fix1_dummy_free', dummy, outcome);
}

function isPointer(value: unknown): value is Pointer {
  return typeof value === 'object' && value !== null;
}

/** livepatch_fixN_dummy_leak_dtor(). */
function leakDestructor(kernel: Kernel, module: Module, fix: string): ShadowDestructor {
  return (dummy, { value: leak }) => {
    if (!isPointer(leak)) return;
    const outcome = `, prevented leak @ ${formatPointer(kernel, leak)}`;
    say(kernel, module, `livepatch_${fix}_dummy_leak_dtor`, dummy, outcome);
  };
}

/** From 4.18 on. */
function destroyLeak(fix: string) {
  return (call: Call, dummy: Pointer): void => {
    const { kernel } = call;
    const module = ownModule(call);
    const key = { object: dummy, id: SV_LEAK };
    if (shadowGet(kernel, key)) shadowFree(kernel, key, leakDestructor(kernel, module, fix));
    else say(kernel, module, `livepatch_${fix}_dummy_free`, dummy, ' leaked!');
  };
}

function freeCounter(call: Call, dummy: Pointer): void {
  const { kernel } = call;
  const key = { object: dummy, id: SV_COUNTER };
  const count = shadowGet(kernel, key);
  if (!count) return;
  const outcome = `, check counter = ${count.value}`;
  say(kernel, ownModule(call), 'livepatch_fix2_dummy_free', dummy, outcome);
  shadowFree(kernel, key);
}

const FIX1 = 'livepatch_fix1_dummy_free';
const FIX2 = 'livepatch_fix2_dummy_free';

export const livepatchShadowFix1 = defineSample(
  {
    name: 'livepatch_shadow_fix1',
    objects: [{ name: TARGET, funcs: [allocDummy, freeDummy(FIX1, freeLeak)] }],
    exit: (kernel) => shadowFreeAll(kernel, SV_LEAK),
  },
  {
    name: 'livepatch_shadow_fix1',
    objects: [{ name: TARGET, funcs: [allocDummy, freeDummy(FIX1, destroyLeak('fix1'))] }],
    exit: (kernel, module) =>
      shadowFreeAll(kernel, SV_LEAK, leakDestructor(kernel, module, 'fix1')),
  },
);

export const livepatchShadowFix2 = defineSample(
  {
    name: 'livepatch_shadow_fix2',
    objects: [{ name: TARGET, funcs: [checkDummy, freeDummy(FIX2, freeCounter)] }],
    exit: (kernel) => shadowFreeAll(kernel, SV_COUNTER),
  },
  {
    name: 'livepatch_shadow_fix2',
    objects: [
      { name: TARGET, funcs: [checkDummy, freeDummy(FIX2, destroyLeak('fix2'), freeCounter)] },
    ],
    exit: (kernel) => shadowFreeAll(kernel, SV_COUNTER),
  },
);
