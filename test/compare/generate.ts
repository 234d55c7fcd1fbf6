/**
 * Random sequences. The same seed makes the same ones, whatever their number.
 *
 * What is loaded is followed roughly, as if every step had succeeded: a step that fits is likelier,
 * but none is impossible.
 */
import { createRandom, type Random, randomBelow } from '../../src/engine/random.ts';
import type { Parameters, Sequence, Step } from './steps.ts';

const STEPS_MIN = 6;
const STEPS_MAX = 15;

interface Guess {
  readonly random: Random;
  /** Livepatches that are loaded, and those of them that are enabled. */
  readonly patches: Set<string>;
  readonly enabled: Set<string>;
  readonly targets: Set<string>;
  /** A patch of test_klp_callbacks_busy has been there: that module's init() may wait forever for what it replaces. */
  busyIsPatched: boolean;
  readers: boolean;
  ftraceEnabled: boolean;
}

type Chooser = (guess: Guess) => Step;

export function generate(seed: number, count: number): Sequence[] {
  return Array.from({ length: count }, (_, index) => generateOne(seed, index));
}

function generateOne(seed: number, index: number): Sequence {
  const random = createRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const guess: Guess = {
    random,
    patches: new Set(),
    enabled: new Set(),
    targets: new Set(),
    busyIsPatched: false,
    readers: false,
    ftraceEnabled: true,
  };
  const length = STEPS_MIN + randomBelow(random, STEPS_MAX - STEPS_MIN + 1);
  return Array.from({ length }, () => nextStep(guess));
}

function nextStep(guess: Guess): Step {
  const step = weighted(guess.random, choicesOf(guess))(guess);
  follow(guess, step);
  return step;
}

function follow(guess: Guess, step: Step): void {
  switch (step.do) {
    case 'load':
      guess.busyIsPatched ||= step.module === 'test_klp_callbacks_demo';
      if (isTarget(step.module)) guess.targets.add(step.module);
      else for (const set of [guess.patches, guess.enabled]) set.add(step.module);
      break;
    case 'unload':
      guess.targets.delete(step.module);
      if (!guess.enabled.has(step.module)) guess.patches.delete(step.module);
      break;
    case 'write':
      // With readers it may be a reversal that can be reversed, too.
      if (step.text === '0\n' && !guess.readers) guess.enabled.delete(dirname(step.file));
      break;
    case 'start-reader':
      guess.readers = guess.targets.has('klpx_target');
      break;
    case 'release-readers':
      guess.readers = false;
      break;
    case 'ftrace-enabled':
      guess.ftraceEnabled = step.value === 1;
      break;
  }
}

type Weighted<T> = readonly (readonly [weight: number, T])[];

function choicesOf(guess: Guess): Weighted<Chooser> {
  const { patches, enabled, targets, readers, ftraceEnabled } = guess;
  const idle = patches.size - enabled.size;
  const canBlock = targets.has('klpx_target') && !readers;
  return [
    [enabled.size === 0 ? 40 : 16, loadPatch],
    [targets.size === 0 ? 24 : 4, loadTarget],
    [enabled.size > 0 ? 25 : 2, writeEnabled],
    [enabled.size > 0 && readers ? 8 : 1, writeForce],
    [patches.size > 0 ? 3 : 1, writeOther],
    [idle > 0 ? 12 : 2, unloadPatch],
    [targets.size * 4 + 1, unloadTarget],
    [patches.size > 0 ? 5 : 0, setParameter],
    [2, read],
    [enabled.size > 0 ? 2 : 0, changeMode],
    [canBlock ? 25 : 1, () => ({ do: 'start-reader' })],
    [readers ? 7 : 0, () => ({ do: 'release-readers' })],
    [readers ? 7 : 0, signalReaders],
    [targets.has(BUSY) ? 10 : 0, () => ({ do: 'unblock' })],
    [
      ftraceEnabled ? 1 : 12,
      ({ ftraceEnabled: on }) => ({ do: 'ftrace-enabled', value: on ? 0 : 1 }),
    ],
  ];
}

const KLPX = ['klpx_a', 'klpx_b', 'klpx_c'];
const BUSY = 'test_klp_callbacks_busy';
const TARGETS = ['klpx_target', 'livepatch_callbacks_mod', 'test_klp_callbacks_mod', BUSY];
/** And 1, with which nothing is as it should be. */
const REFUSALS = [-1, -2, -11, -12, -16, -17, -19, -22, 1];
const REPLACE = ({ random }: Guess): Parameters => ({ replace: randomBelow(random, 2) });
const PRE_PATCH_RET = ({ random }: Guess): Parameters =>
  chance(random, 25) ? { pre_patch_ret: oneOf(random, REFUSALS) } : {};

/** The kernel's samples and test modules, and the parameters that they get. */
const SAMPLES: Readonly<Record<string, (guess: Guess) => Parameters>> = {
  livepatch_sample: () => ({}),
  livepatch_callbacks_demo: PRE_PATCH_RET,
  test_klp_livepatch: () => ({}),
  test_klp_atomic_replace: REPLACE,
  test_klp_callbacks_demo: PRE_PATCH_RET,
  test_klp_callbacks_demo2: REPLACE,
  test_klp_state: () => ({}),
  test_klp_state2: () => ({}),
  test_klp_state3: () => ({}),
};

function dirname(file: string): string {
  return file.slice(0, file.indexOf('/'));
}

function isTarget(module: string): boolean {
  return TARGETS.includes(module);
}

function loader(random: Random): 'insmod' | 'modprobe' {
  return chance(random, 50) ? 'insmod' : 'modprobe';
}

function loadPatch(guess: Guess): Step {
  const { random } = guess;
  const by = loader(random);
  const fresh = (modules: readonly string[]) => {
    const unloaded = modules.filter((module) => !guess.patches.has(module));
    return oneOf(random, unloaded.length > 0 && chance(random, 85) ? unloaded : modules);
  };
  if (chance(random, 3)) {
    return { do: 'load', by, module: 'klpx_nolp', parameters: { f0: 'version_proc_show' } };
  }
  if (chance(random, 70)) {
    const module = fresh(KLPX);
    return { do: 'load', by, module, parameters: klpxParameters(guess, module) };
  }
  const busy = guess.targets.has(BUSY) && chance(random, 60);
  const module = busy ? 'test_klp_callbacks_demo' : fresh(Object.keys(SAMPLES));
  return { do: 'load', by, module, parameters: SAMPLES[module]?.(guess) ?? {} };
}

/** Readers block interruptibly, killably or uninterruptibly. */
const TARGET_PARAMETERS: Readonly<Record<string, (random: Random) => Parameters>> = {
  klpx_target: (random) => ({
    mode: oneOf(random, [0, 0, 1, 2]),
    ...(chance(random, 15) ? { kthr: 1 } : {}),
  }),
  [BUSY]: (random) => (chance(random, 70) ? { block_transition: 'Y' } : {}),
};

function loadTarget({ random, busyIsPatched }: Guess): Step {
  const targets = TARGETS.filter((name) => !busyIsPatched || name !== BUSY);
  const module = chance(random, 65) ? 'klpx_target' : oneOf(random, targets);
  const parameters = TARGET_PARAMETERS[module]?.(random) ?? {};
  return { do: 'load', by: loader(random), module, parameters };
}

const VMLINUX_FUNCTIONS: Weighted<string> = [
  [40, 'version_proc_show'],
  [30, 'cmdline_proc_show'],
  [20, 'meminfo_proc_show'],
  [3, 'nosuch'],
  [2, 't_show'],
  [2, 'do_syscall_64'],
];
const TARGET_FUNCTIONS: Weighted<string> = [
  [50, 'klpx_value_show'],
  [40, 'klpx_second_show'],
  [5, 'nosuch'],
];

const ODD_PARAMETERS: readonly Parameters[] = [
  { nosuch: 1 },
  { s1: 'abc' },
  { s1: '' },
  { t0: '0x7fffffff' },
  { t0: '99999999999' },
  { s0: 99 },
];

/** What klpx_generic.h describes. */
function klpxParameters({ random, readers }: Guess, module: string): Parameters {
  if (chance(random, 2)) return { noobjs: 1 };
  const inTarget = chance(random, readers ? 75 : 55);
  const functions = inTarget ? TARGET_FUNCTIONS : VMLINUX_FUNCTIONS;
  const f0 = weighted(random, functions);
  const f1 = weighted(random, functions);
  return {
    ...(inTarget ? { obj0: 'klpx_target' } : {}),
    ...(chance(random, inTarget ? 70 : 96) ? { f0 } : {}),
    ...(chance(random, 15) ? { s0: 1 + randomBelow(random, 2) } : {}),
    ...(chance(random, f1 === f0 ? 5 : 30) ? { f1 } : {}),
    ...(inTarget && chance(random, readers ? 85 : 60) ? { w: 1 } : {}),
    ...(chance(random, 40) ? secondObject(random, inTarget, module) : {}),
    ...(chance(random, 30) ? { replace: 1 } : {}),
    ...(chance(random, 25) ? state(random) : {}),
    ...(chance(random, 60) ? callbacks(random) : {}),
    ...(inTarget && chance(random, 15) ? { hold_wait: 1 } : {}),
    ...(chance(random, 2) ? { nofuncs: 1 } : {}),
    ...(chance(random, 3) ? oneOf(random, ODD_PARAMETERS) : {}),
  };
}

function secondObject(random: Random, otherIsTarget: boolean, own: string): Parameters {
  // It has callbacks, but no function that could be patched.
  if (chance(random, 25)) return { obj1: 'test_klp_callbacks_mod' };
  if (chance(random, 25)) return livepatchAsObject(random, own);
  return otherIsTarget
    ? { obj1: 'vmlinux', g0: weighted(random, VMLINUX_FUNCTIONS) }
    : { obj1: 'klpx_target', g0: weighted(random, TARGET_FUNCTIONS) };
}

/** A function that itself replaces one. Never new_show1(), by which it is replaced: it would call itself. */
function livepatchAsObject(random: Random, own: string): Parameters {
  const obj1 = oneOf(random, [...KLPX.filter((name) => name !== own), 'livepatch_sample']);
  return { obj1, g0: obj1 === 'livepatch_sample' ? 'livepatch_cmdline_proc_show' : 'new_show0' };
}

/** State 1 is that of test_klp_state, which does not survive that others have it, too. */
function state(random: Random): Parameters {
  return { state_id: 2 + randomBelow(random, 2), state_ver: randomBelow(random, 3) };
}

function callbacks(random: Random): Parameters {
  return {
    cb: 1,
    ...(chance(random, 12) ? { pre_ret: oneOf(random, REFUSALS) } : {}),
    ...(chance(random, 18) ? { pre_ret1: oneOf(random, REFUSALS) } : {}),
  };
}

// biome-ignore format: a list
const ODD_TEXTS = [
  '', '\n', '2\n', '-1\n', 'y\n', 'Y', 'n\n', 'N\n', 'on\n', 'off\n', 'of', 'o\n', 'yes\n', 'true\n', 't\n', 'f\n',
  'e\n', 'd\n', '00\n', '01\n', ' 1\n', '1 \n', '0x1\n', '1\n0\n', '0', '1', 'x',
];

function writeEnabled(guess: Guess): Step {
  const { random } = guess;
  const text = weighted<() => string>(random, [
    [60, () => '0\n'],
    [20, () => '1\n'],
    [20, () => oneOf(random, ODD_TEXTS)],
  ])();
  return { do: 'write', file: `${enabledPatch(guess)}/enabled`, text };
}

function writeForce(guess: Guess): Step {
  const { random } = guess;
  const text = chance(random, 75) ? '1\n' : oneOf(random, ODD_TEXTS);
  return { do: 'write', file: `${enabledPatch(guess)}/force`, text };
}

/** Files that cannot be written, or are not there. */
const OTHER_FILES = [
  'transition',
  'replace',
  'stack_order',
  'nosuch',
  'vmlinux/patched',
  'klpx_target/patched',
];

function writeOther(guess: Guess): Step {
  const { random } = guess;
  const file = `${somePatch(guess)}/${oneOf(random, OTHER_FILES)}`;
  return { do: 'write', file, text: oneOf(random, ['0\n', '1\n']) };
}

/** One that is enabled, mostly. */
function enabledPatch({ random, enabled }: Guess): string {
  return among(random, [...enabled]);
}

/** One that is loaded, mostly. */
function somePatch({ random, patches }: Guess): string {
  return among(random, [...patches]);
}

function among(random: Random, likely: readonly string[]): string {
  return likely.length > 0 && chance(random, 95) ? oneOf(random, likely) : oneOf(random, KLPX);
}

/** One that is disabled, mostly. */
function unloadPatch({ random, patches, enabled }: Guess): Step {
  const idle = [...patches].filter((patch) => !enabled.has(patch));
  return { do: 'unload', module: among(random, idle.length > 0 ? idle : [...patches]) };
}

function unloadTarget({ random, targets }: Guess): Step {
  const loaded = [...targets];
  return { do: 'unload', module: oneOf(random, loaded.length > 0 ? loaded : TARGETS) };
}

function signalReaders({ random }: Guess): Step {
  const signals = oneOf(random, [['STOP', 'CONT'], ['TERM'], ['KILL']]);
  return { do: 'signal-readers', signals };
}

const ODD_NUMBERS = ['abc', '1x', "''", '99999999999', '-0', '0x10', '010', "' 3'"];

function setParameter(guess: Guess): Step {
  const { random } = guess;
  const module = somePatch(guess);
  const parameter = oneOf(random, parametersOf(module));
  const value = weighted<() => string>(random, [
    [5, () => '0'],
    [3, () => (parameter === 'hold_wait' ? '1' : String(oneOf(random, REFUSALS)))],
    [1, () => oneOf(random, ODD_NUMBERS)],
  ])();
  return { do: 'set', module, parameter, value };
}

function parametersOf(module: string): readonly string[] {
  return KLPX.includes(module) ? ['pre_ret', 'pre_ret1', 'hold_wait'] : ['pre_patch_ret'];
}

function read(guess: Guess): Step {
  const patch = somePatch(guess);
  const path = oneOf(guess.random, [
    `$K/${patch}/enabled`,
    `$K/${patch}/force`,
    `$K/${patch}/replace`,
    `$K/${patch}`,
    `$K/${patch}/klpx_target/patched`,
    `$M/${patch}/initstate`,
    `$M/${patch}/taint`,
    `$M/${patch}/parameters/pre_ret`,
    '$M/klpx_target/parameters/release',
    '/proc/sys/kernel/ftrace_enabled',
  ]);
  return { do: 'read', path };
}

function changeMode(guess: Guess): Step {
  const { random } = guess;
  const file = oneOf(random, ['enabled', 'force', 'transition', 'vmlinux', 'klpx_target/patched']);
  const mode = oneOf(random, ['600', '000', '444', '777', 'a-r', '4755']);
  return { do: 'chmod', mode, file: `${enabledPatch(guess)}/${file}` };
}

function chance(random: Random, percent: number): boolean {
  return randomBelow(random, 100) < percent;
}

function oneOf<T>(random: Random, items: readonly T[]): T {
  const item = items[randomBelow(random, items.length)];
  if (item === undefined) throw new Error('a choice of nothing');
  return item;
}

function weighted<T>(random: Random, choices: Weighted<T>): T {
  let rest = randomBelow(
    random,
    choices.reduce((sum, [weight]) => sum + weight, 0),
  );
  for (const [weight, choice] of choices) {
    if (rest < weight) return choice;
    rest -= weight;
  }
  throw new Error('a choice of nothing');
}
