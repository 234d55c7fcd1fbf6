/**
 * test_klp_shadow_vars: the interface of shadow variables with constructors, tried in init().
 *
 * Pointers are shown by numbers, in the order in which they first appear; NULL is the first.
 *
 * Source: lib/livepatch/test_klp_shadow_vars.c.
 */
import {
  defineModule,
  type Kernel,
  type Module,
  prInfo,
  type ShadowConstructor,
  type ShadowData,
  type ShadowDestructor,
  type ShadowKey,
  shadowAlloc,
  shadowFree,
  shadowFreeAll,
  shadowGet,
  shadowGetOrAlloc,
  since,
} from './api.ts';

const SV_ID1 = 0x1234;
const SV_ID2 = 0x1235;
const OBJECTS = 3;

/** One try: who is shown by which number, and where lines go. */
interface Try {
  readonly kernel: Kernel;
  readonly numbers: Map<unknown, number>;
  readonly print: (text: string) => void;
}

/** An object, and the two variables whose addresses are the data of its shadow variables. */
interface Subject {
  readonly object: object;
  readonly var1: object;
  readonly var2: object;
}

function ptr({ numbers }: Try, pointer: unknown): string {
  const number = numbers.get(pointer) ?? numbers.size;
  numbers.set(pointer, number);
  return `PTR${number}`;
}

function get(tried: Try, key: ShadowKey): ShadowData | undefined {
  const data = shadowGet(tried.kernel, key);
  const asked = `klp_shadow_get(obj=${ptr(tried, key.object)}, id=0x${key.id.toString(16)})`;
  tried.print(`${asked} = ${ptr(tried, data)}`);
  return data;
}

const ALLOCATORS = {
  klp_shadow_alloc: shadowAlloc,
  klp_shadow_get_or_alloc: shadowGetOrAlloc,
} as const;

function allocate(
  tried: Try,
  name: keyof typeof ALLOCATORS,
  key: ShadowKey,
  { ctor, ctorData }: { ctor: ShadowConstructor; ctorData: object },
): ShadowData | undefined {
  const data = ALLOCATORS[name](tried.kernel, key, { ctor, ctorData });
  const object = `obj=${ptr(tried, key.object)}, id=0x${key.id.toString(16)}`;
  const made = `ctor=${ptr(tried, ctor)}, ctor_data=${ptr(tried, ctorData)}`;
  const result = ptr(tried, data);
  tried.print(`${name}(${object}, size=8, gfp_flags=GFP_KERNEL), ${made} = ${result}`);
  return data;
}

function free(tried: Try, key: ShadowKey, dtor: ShadowDestructor): void {
  shadowFree(tried.kernel, key, dtor);
  const object = `obj=${ptr(tried, key.object)}, id=0x${key.id.toString(16)}`;
  tried.print(`klp_shadow_free(${object}, dtor=${ptr(tried, dtor)})`);
}

function freeAll(tried: Try, id: number): void {
  shadowFreeAll(tried.kernel, id);
  const none = ptr(tried, undefined);
  tried.print(`klp_shadow_free_all(id=0x${id.toString(16)}, dtor=${none})`);
}

/** @throws Error where the real one returns EINVAL: there is a bug in klpfs then. */
function expect(tried: Try, data: ShadowData | undefined, value: object | undefined): void {
  if (data?.value !== value) throw new Error('test_klp_shadow_vars got what it did not expect');
  const shown = data ? `${ptr(tried, data)} -> ${ptr(tried, value)}` : 'NULL';
  tried.print(`  got expected ${shown} result`);
}

function tryAll(kernel: Kernel, module: Module): void {
  const print = (text: string) => prInfo(kernel, module, text);
  const tried: Try = { kernel, numbers: new Map([[undefined, 0]]), print };
  const ctor: ShadowConstructor = (_, data, ctorData) => {
    data.value = ctorData;
    // The real one's compiler evaluates arguments from the right: the variable is numbered first.
    const variable = ptr(tried, ctorData);
    print(`shadow_ctor: ${ptr(tried, data)} -> ${variable}`);
    return 0;
  };
  const dtor: ShadowDestructor = (object, data) =>
    print(`shadow_dtor(obj=${ptr(tried, object)}, shadow_data=${ptr(tried, data)})`);
  const subjects = Array.from({ length: OBJECTS }, () => ({ object: {}, var1: {}, var2: {} }));

  const [first] = subjects;
  if (first) expect(tried, get(tried, { object: first.object, id: SV_ID1 }), undefined);
  allocateAll(tried, subjects, ctor);
  for (const { object, var1, var2 } of subjects) {
    expect(tried, get(tried, { object, id: SV_ID1 }), var1);
    expect(tried, get(tried, { object, id: SV_ID2 }), var2);
  }
  for (const { object, var1 } of subjects) {
    const made = { ctor, ctorData: var1 };
    const key = { object, id: SV_ID1 };
    expect(tried, allocate(tried, 'klp_shadow_get_or_alloc', key, made), var1);
  }
  for (const { object } of subjects) {
    free(tried, { object, id: SV_ID1 }, dtor);
    expect(tried, get(tried, { object, id: SV_ID1 }), undefined);
  }
  for (const { object, var2 } of subjects) {
    expect(tried, get(tried, { object, id: SV_ID2 }), var2);
  }
  freeAll(tried, SV_ID2);
  for (const { object } of subjects) expect(tried, get(tried, { object, id: SV_ID2 }), undefined);
}

function allocateAll(tried: Try, subjects: readonly Subject[], ctor: ShadowConstructor): void {
  for (const [index, { object, var1, var2 }] of subjects.entries()) {
    const how = index % 2 === 0 ? 'klp_shadow_get_or_alloc' : 'klp_shadow_alloc';
    allocate(tried, how, { object, id: SV_ID1 }, { ctor, ctorData: var1 });
    allocate(tried, 'klp_shadow_alloc', { object, id: SV_ID2 }, { ctor, ctorData: var2 });
  }
}

export const testKlpShadowVars = defineModule({
  name: 'test_klp_shadow_vars',
  releases: since('4.18'),
  init: tryAll,
  exit: () => {},
});
