/**
 * How long others wait while a machine is at work, in a process of its own, without FUSE:
 * node latencies TASKS toggled|stuck
 *
 * A client toggles a patch all the time; or no task can switch, and they are signalled every 15th
 * pass. Meanwhile clients read. Prints as JSON how long requests take, and turns of the event loop,
 * less the time that others had the cpu.
 */
import { openSync, readSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { FileSystem } from '../../mount/fileSystem.ts';
import type { Result } from '../../mount/reply.ts';
import { encodeUtf8 } from '../../src/abi/bytes.ts';
import { O_RDWR } from '../../src/abi/mode.ts';
import { MachineLoop } from '../../src/daemon/machineLoop.ts';
import { prepareMachine } from '../../src/daemon/prepareMachine.ts';
import { bootKernel } from '../../src/engine/boot.ts';
import { loadModule } from '../../src/engine/module/loader.ts';
import { toBootOptions } from '../../src/machine/bootOptions.ts';
import { draftMachine, type MachineOptions } from '../../src/machine/parse.ts';
import type { Directory, OpenFile } from '../../src/sysfs/node.ts';
import { mountedTree } from '../../src/sysfs/root.ts';
import { crowd } from './machine.ts';

export interface Latencies {
  readonly requests: number;
  readonly requestP99Ms: number;
  readonly turns: number;
  /** As if looked at once a millisecond while nothing happens. */
  readonly turnP999Ms: number;
  readonly turnMaxMs: number;
}

type Situation = 'toggled' | 'stuck';

const MEASURED_MS = 5000;
/** Less is Node itself, at rest. */
const LEAST_TURN_MS = 0.05;
const PATCHED = 'cmdline_proc_show';
const DIRECTORY = 'sys/kernel/livepatch/livepatch_sample';

/** Stuck: all tasks sleep in what is patched, and time flies, so that they are soon signalled. */
const OPTIONS = {
  toggled: { cpus: 2, release: '4.15', speed: 1 },
  stuck: { cpus: 2, release: '6.1', speed: 10 },
} as const satisfies Readonly<Record<Situation, MachineOptions>>;

function describe(tasks: number, situation: Situation): string {
  const sleeping = crowd(tasks);
  return situation === 'toggled'
    ? sleeping
    : sleeping.replaceAll('sleep_in: [', `sleep_in: [${PATCHED}, `);
}

async function boot(tasks: number, situation: Situation) {
  const { speed } = OPTIONS[situation];
  const draft = draftMachine(describe(tasks, situation), 'bench', OPTIONS[situation]);
  const machine = await prepareMachine(draft, { baseDirectory: '.' });
  const kernel = bootKernel(toBootOptions(machine.description, machine.modules, Date.now()));
  const loop = new MachineLoop(kernel, { kind: 'real', speed }, fail);
  const { root: tree } = mountedTree(kernel, { verbs: [], transactions: [] });
  loop.start();
  await new Promise((loaded) => loop.run(loadModule(kernel, 'livepatch-sample', []), loaded));
  return { loop, tree, fileSystem: new FileSystem(tree, loop.run, fail) };
}

function fail(error: unknown): never {
  throw error;
}

function open(root: Directory, path: string, flags: number): OpenFile {
  let directory = root;
  for (const name of path.split('/')) {
    const node = directory.lookup(name);
    if (node?.kind === 'file') return node.open(flags);
    if (node?.kind !== 'directory') break;
    directory = node;
  }
  throw new Error(`there is no file ${path}`);
}

/** A clock that stands still while this thread waits for a cpu. Source: Documentation/scheduler/sched-stats. */
function createOwnClock(): () => number {
  const file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  const buffer = Buffer.alloc(64);
  return () => {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    const [, waitedNs] = buffer.toString('latin1', 0, length).split(' ');
    return performance.now() - Number(waitedNs) / 1e6;
  };
}

function watchTurns(): { stop: () => number[] } {
  const ownMs = createOwnClock();
  const turnsMs: number[] = [];
  let last = ownMs();
  let isOver = false;
  const turn = () => {
    const now = ownMs();
    if (now - last > LEAST_TURN_MS) turnsMs.push(now - last);
    last = now;
    if (!isOver) setImmediate(turn);
  };
  turn();
  return {
    stop: () => {
      isOver = true;
      return turnsMs;
    },
  };
}

/** Asks again and again, with a pause after each answer; how long the answers took. */
async function keepAsking(
  ask: (reply: (result: Result<unknown>) => void) => unknown,
  pauseMs: number,
): Promise<number[]> {
  const latenciesMs: number[] = [];
  const end = performance.now() + MEASURED_MS;
  while (performance.now() < end) {
    const before = performance.now();
    await new Promise((answered) => ask(answered));
    latenciesMs.push(performance.now() - before);
    await wait(pauseMs);
  }
  return latenciesMs;
}

async function measure(tasks: number, situation: Situation): Promise<Latencies> {
  const { loop, tree, fileSystem } = await boot(tasks, situation);
  const reading = (path: string) => {
    const file = open(tree, path, 0);
    const range = { offset: 0, sizeBytes: 4096 };
    return keepAsking((reply) => fileSystem.read(file, range, reply), 1);
  };
  const toggling = () => {
    const file = open(tree, `${DIRECTORY}/enabled`, O_RDWR);
    let value = 1;
    return keepAsking((reply) => {
      value = 1 - value;
      fileSystem.write(file, { offset: 0, data: encodeUtf8(`${value}\n`) }, reply);
    }, 0);
  };
  const turns = watchTurns();
  const toggled = situation === 'toggled' ? toggling() : Promise.resolve([]);
  const reads = await Promise.all([reading(`${DIRECTORY}/transition`), reading('proc/cmdline')]);
  await toggled;
  const turnsMs = turns.stop();
  const busyMs = turnsMs.reduce((sum, ms) => sum + ms, 0);
  const restingMs = Array<number>(Math.max(0, Math.round(MEASURED_MS - busyMs))).fill(0);
  loop.stop();
  return {
    requests: reads.flat().length,
    requestP99Ms: quantile(reads.flat(), 0.99),
    turns: turnsMs.length,
    turnP999Ms: quantile([...turnsMs, ...restingMs], 0.999),
    turnMaxMs: quantile(turnsMs, 1),
  };
}

function quantile(values: readonly number[], share: number): number {
  const ascending = values.toSorted((a, b) => a - b);
  return ascending[Math.floor((ascending.length - 1) * share)] ?? Number.NaN;
}

const [tasks, situation] = process.argv.slice(2);
const latencies = await measure(Number(tasks), situation === 'stuck' ? 'stuck' : 'toggled');
process.stdout.write(JSON.stringify(latencies));
