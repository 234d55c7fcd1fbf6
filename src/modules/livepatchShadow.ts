/**
 * livepatch-shadow-mod: a module that leaks memory, for two patches to mend and to watch.
 *
 * Source: samples/livepatch/livepatch-shadow-mod.c.
 */
import {
  call,
  cancelWork,
  codeOf,
  createWork,
  defineModule,
  type FunctionDefinition,
  formatPointer,
  JIFFY_NS,
  jiffies,
  type Kernel,
  type Module,
  NS_PER_SECOND,
  ownModule,
  prInfoPlain,
  scheduleWork,
  staticsOf,
  type Work,
} from './api.ts';

const ALLOC_NS = NS_PER_SECOND;
const CLEANUP_NS = 3 * ALLOC_NS;
const EXPIRE_NS = 4 * CLEANUP_NS;

export interface Dummy {
  readonly jiffiesExpire: number;
}

const statics = () => ({
  dummies: new Set<Dummy>(),
  works: new Map<FunctionDefinition, Work>(),
});

/** Makes a dummy, and the integer that nobody will free; has `print` tell of it. */
export function allocateDummy(kernel: Kernel, print: (text: string) => void) {
  const dummy: Dummy = { jiffiesExpire: jiffies(kernel.clock) + EXPIRE_NS / JIFFY_NS };
  const where = formatPointer(kernel, dummy);
  const when = dummy.jiffiesExpire.toString(16);
  print(`dummy @ ${where}, expires @ ${when}`);
  return dummy;
}

/** A function of C that got no dummy would not get far either. */
export function requireDummy([dummy]: readonly unknown[]): Dummy {
  if (typeof dummy === 'object' && dummy !== null && 'jiffiesExpire' in dummy) {
    return dummy as Dummy;
  }
  throw new Error('a call without a dummy');
}

export function hasExpired({ jiffiesExpire }: Dummy, now: unknown): boolean {
  return Number(now) > jiffiesExpire;
}

const dummyAlloc: FunctionDefinition = {
  name: 'dummy_alloc',
  body: ({ kernel }) =>
    allocateDummy(kernel, (text) => prInfoPlain(kernel, `dummy_alloc: ${text}`)),
};

const dummyFree: FunctionDefinition = {
  name: 'dummy_free',
  body({ kernel, args }) {
    const dummy = requireDummy(args);
    const where = formatPointer(kernel, dummy);
    const when = dummy.jiffiesExpire.toString(16);
    prInfoPlain(kernel, `dummy_free: dummy @ ${where}, expired = ${when}`);
    return 0;
  },
};

const dummyCheck: FunctionDefinition = {
  name: 'dummy_check',
  body: ({ args }) => Number(hasExpired(requireDummy(args), args[1])),
};

const allocWorkFunc: FunctionDefinition = {
  name: 'alloc_work_func',
  *body(called) {
    const module = ownModule(called);
    const dummy = yield* call(called.kernel, module, dummyAlloc);
    staticsOf(module, statics).dummies.add(requireDummy([dummy]));
    scheduleNext(called.kernel, module, allocWorkFunc, ALLOC_NS);
    return 0;
  },
};

const cleanupWorkFunc: FunctionDefinition = {
  name: 'cleanup_work_func',
  *body(called) {
    const { kernel } = called;
    const module = ownModule(called);
    const now = jiffies(kernel.clock);
    prInfoPlain(kernel, `cleanup_work_func: jiffies = ${now.toString(16)}`);
    for (const dummy of newestFirst(staticsOf(module, statics).dummies)) {
      if (yield* call(kernel, module, dummyCheck, dummy, now)) yield* drop(kernel, module, dummy);
    }
    scheduleNext(kernel, module, cleanupWorkFunc, CLEANUP_NS);
    return 0;
  },
};

/** As list_add() puts them. */
function newestFirst(dummies: ReadonlySet<Dummy>): Dummy[] {
  return [...dummies].reverse();
}

function* drop(kernel: Kernel, module: Module, dummy: Dummy) {
  staticsOf(module, statics).dummies.delete(dummy);
  yield* call(kernel, module, dummyFree, dummy);
}

function scheduleNext(kernel: Kernel, module: Module, func: FunctionDefinition, delayNs: number) {
  const { works } = staticsOf(module, statics);
  const work = works.get(func) ?? createWork(codeOf(module, func));
  works.set(func, work);
  scheduleWork(kernel, work, delayNs);
}

export const livepatchShadowMod = defineModule({
  name: 'livepatch_shadow_mod',
  functions: [dummyAlloc, dummyFree, dummyCheck, allocWorkFunc, cleanupWorkFunc],
  statics,
  init(kernel, module) {
    scheduleNext(kernel, module, allocWorkFunc, ALLOC_NS);
    scheduleNext(kernel, module, cleanupWorkFunc, CLEANUP_NS);
  },
  *exit(kernel, module) {
    const { works, dummies } = staticsOf(module, statics);
    for (const work of works.values()) yield* cancelWork(kernel, work);
    for (const dummy of newestFirst(dummies)) yield* drop(kernel, module, dummy);
  },
});
