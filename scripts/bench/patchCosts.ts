/**
 * What many patches cost, in a process of its own: node patchCosts RELEASE own|same
 *
 * Loads a thousand manifests of ten functions each, every patch with functions of its own or all
 * with the same ten, and prints as JSON how long the first and the last loads took, and what reading
 * sysfs and a call of a patched function cost then.
 */
import { performance } from 'node:perf_hooks';
import { RELEASES, type Release } from '../../src/abi/release.ts';
import { prepareMachine } from '../../src/daemon/prepareMachine.ts';
import { bootKernel } from '../../src/engine/boot.ts';
import { callFunction } from '../../src/engine/call.ts';
import { NS_PER_SECOND } from '../../src/engine/clock.ts';
import { lookupName } from '../../src/engine/kallsyms.ts';
import type { Kernel } from '../../src/engine/kernel.ts';
import { loadModule } from '../../src/engine/module/loader.ts';
import { startRequest } from '../../src/engine/sched/request.ts';
import { runMachine } from '../../src/engine/sched/run.ts';
import { findTask } from '../../src/engine/sched/task.ts';
import { toBootOptions } from '../../src/machine/bootOptions.ts';
import { parseManifest } from '../../src/machine/manifest.ts';
import { draftMachine } from '../../src/machine/parse.ts';
import type { Directory, Node } from '../../src/sysfs/node.ts';
import { mountedTree } from '../../src/sysfs/root.ts';

export interface PatchCosts {
  readonly totalMs: number;
  /** A load, with the transition that it begins: of the first hundred, and of the last. */
  readonly firstLoadsMs: number;
  readonly lastLoadsMs: number;
  /** The first one makes the nodes. */
  readonly firstListingMs: number;
  readonly listingMs: number;
  readonly statUs: number;
  readonly readUs: number;
  readonly procModulesMs: number;
  /** A call of a function of the first patch, when that is the only one, and when all are there. */
  readonly firstCallNs: number;
  readonly lastCallNs: number;
}

const PATCHES = 1000;
const FUNCTIONS = 10;
const SHARE = 100;

function namesOf(patch: number, sharing: string | undefined): string[] {
  const first = sharing === 'same' ? 0 : patch * FUNCTIONS;
  return Array.from({ length: FUNCTIONS }, (_, index) => `function_${first + index}`);
}

function manifestOf(patch: number, functions: readonly string[]): string {
  const funcs = functions.map((old_name) => ({ old_name, returns: 1 }));
  return JSON.stringify({
    module: `patch_${patch}`,
    livepatch: true,
    objects: [{ name: 'vmlinux', funcs }],
  });
}

async function boot(release: Release, sharing: string | undefined): Promise<Kernel> {
  const patches = Array.from({ length: PATCHES }, (_, patch) => namesOf(patch, sharing));
  const vmlinux = [...new Set(patches.flat())];
  const machine = draftMachine(JSON.stringify({ symbols: { vmlinux } }), 'bench', { release });
  const { description, modules } = await prepareMachine(machine, { baseDirectory: '.' });
  const manifests = patches.map((functions, patch) =>
    parseManifest(manifestOf(patch, functions), 'bench', release),
  );
  return bootKernel(toBootOptions(description, [...modules, ...manifests], Date.now()));
}

/** Loads a module, and lets time pass until everything that it patches is. */
function load(kernel: Kernel, name: string): void {
  let isLoaded = false;
  startRequest(kernel, loadModule(kernel, name, []), (outcome) => {
    if ('error' in outcome) throw outcome.error;
    isLoaded = true;
  });
  while (!isLoaded || kernel.livepatch.transition) {
    runMachine(kernel, kernel.clock.nowNs + NS_PER_SECOND, () => false);
  }
}

function measureMs(work: () => void): number {
  const before = performance.now();
  work();
  return performance.now() - before;
}

function find(node: Node, path: string): Node {
  return path.split('/').reduce((parent, name) => {
    const child = parent.kind === 'directory' ? parent.lookup(name) : undefined;
    if (!child) throw new Error(`there is no ${name}`);
    return child;
  }, node);
}

function read(root: Node, path: string): unknown {
  const file = find(root, path);
  return file.kind === 'file' ? file.open(0).read(0, 4096) : undefined;
}

function measureTree(root: Directory, names: readonly string[]) {
  const livepatch = find(root, 'sys/kernel/livepatch') as Directory;
  const perPatchUs = (work: (name: string) => void) =>
    (measureMs(() => names.forEach(work)) * 1000) / names.length;
  return {
    firstListingMs: measureMs(() => [...livepatch.list()]),
    listingMs: measureMs(() => [...livepatch.list()]),
    statUs: perPatchUs((name) => find(livepatch, `${name}/vmlinux`).attributes()),
    readUs: perPatchUs((name) => read(livepatch, `${name}/enabled`)),
    procModulesMs: measureMs(() => read(root, 'proc/modules')),
  };
}

function measureCallNs(kernel: Kernel): number {
  const code = lookupName(kernel.kallsyms, 'function_0');
  const task = findTask(kernel.tasks, 1);
  if (!code || task === undefined) throw new Error('a function and a task');
  kernel.current = task;
  const calls = 200_000;
  const ms = measureMs(() => {
    for (let call = 0; call < calls; call += 1) {
      if (callFunction(kernel, code).next('woken').value !== 1) throw new Error('not patched');
    }
  });
  return (ms * 1e6) / calls;
}

async function measure(release: Release, sharing: string | undefined): Promise<PatchCosts> {
  const kernel = await boot(release, sharing);
  const names = Array.from({ length: PATCHES }, (_, patch) => `patch_${patch}`);
  const loadsMs: number[] = [];
  let firstCallNs = Number.NaN;
  for (const name of names) {
    loadsMs.push(measureMs(() => load(kernel, name)));
    if (loadsMs.length === 1) firstCallNs = measureCallNs(kernel);
  }
  const enabled = kernel.livepatch.patches.filter((patch) => patch.enabled);
  if (enabled.length !== PATCHES) throw new Error('not all are enabled');
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    totalMs: sum(loadsMs),
    firstLoadsMs: sum(loadsMs.slice(0, SHARE)) / SHARE,
    lastLoadsMs: sum(loadsMs.slice(-SHARE)) / SHARE,
    ...measureTree(mountedTree(kernel, { verbs: [], transactions: [] }).root, names),
    firstCallNs,
    lastCallNs: measureCallNs(kernel),
  };
}

const [wanted, sharing] = process.argv.slice(2);
const release = RELEASES.find((known) => known === wanted);
if (!release) throw new Error(`no release ${wanted}`);
process.stdout.write(JSON.stringify(await measure(release, sharing)));
