/**
 * How fast klpfs is, next to what it stands in for, measured side by side in one run. Numbers
 * differ from machine to machine; the ratios are what counts.
 */
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { pino } from 'pino';
import { startDaemon } from '../src/daemon/daemon.ts';
import { draftMachine } from '../src/machine/parse.ts';
import type { CallCosts } from './benchCalls.ts';
import type { ClientResult } from './benchClient.ts';
import { CLI, crowd, median, print, ROUNDS, run } from './benchmark.ts';
import type { PatchCosts } from './benchPatches.ts';
import type { RequestCosts } from './benchRequestPath.ts';
import { benchRun, benchSelftests } from './benchRun.ts';
import type { TaskCosts } from './benchTasks.ts';

const CLIENT = resolve(import.meta.dirname, 'benchClient.js');
const CALLS = resolve(import.meta.dirname, 'benchCalls.js');
const PATCHES = resolve(import.meta.dirname, 'benchPatches.js');
const REQUEST_PATH = resolve(import.meta.dirname, 'benchRequestPath.js');
const TASKS = resolve(import.meta.dirname, 'benchTasks.js');
/** Median of three boots of a real kernel in QEMU until the first `cat enabled`. */
const VIRTUAL_MACHINE_S = 10.0;
const REAL_ATTRIBUTE = '/sys/kernel/fscaps';
const ROUND_MS = 400;

const scratch = mkdtempSync(join(tmpdir(), 'klpfs-bench-'));

async function client(operation: string, path: string, ms = ROUND_MS): Promise<ClientResult> {
  return JSON.parse(await run(process.execPath, [CLIENT, operation, path, String(ms)]));
}

/** A daemon in this process, on an empty directory of its own. */
async function startMachine(description: string) {
  const directory = mkdtempSync(join(scratch, 'mount-'));
  const { session } = await startDaemon({
    directory,
    machine: draftMachine(description, 'bench', {}),
    baseDirectory: scratch,
    allowOther: false,
    transport: 'auto',
    logger: pino({ level: 'silent' }),
  });
  return {
    path: (name: string) => join(directory, 'sys/kernel/livepatch/livepatch_sample', name),
    stop: async () => {
      await session.unmount('plain');
      rmdirSync(directory);
    },
  };
}

async function benchStart(): Promise<void> {
  const directory = mkdtempSync(join(scratch, 'start-'));
  const machine = join(scratch, 'start.yaml');
  writeFileSync(machine, 'load: [livepatch-sample]\n');
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = performance.now();
    await run('bash', [
      '-c',
      '"$0" mount "$1" --machine "$2" && cat "$1/sys/kernel/livepatch/livepatch_sample/enabled"',
      CLI,
      directory,
      machine,
    ]);
    seconds.push((performance.now() - before) / 1000);
    await run(CLI, ['umount', directory]);
  }
  const median_s = median(seconds);
  print(`mount to first answer   ${median_s.toFixed(2)} s (target 0.50)`);
  print(
    `  a virtual machine     ${VIRTUAL_MACHINE_S.toFixed(1)} s = ${(VIRTUAL_MACHINE_S / median_s).toFixed(0)} times as long`,
  );
}

async function benchRequests(): Promise<void> {
  const machine = await startMachine('load: [livepatch-sample]');
  for (const operation of ['pread', 'orc']) {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      ours.push((await client(operation, machine.path('enabled'))).p50Us);
      theirs.push((await client(operation, REAL_ATTRIBUTE)).p50Us);
    }
    const label = operation === 'pread' ? 'pread' : 'open+read+close';
    print(
      `${label.padEnd(23)} ${median(ours).toFixed(1)} us; real sysfs ${median(theirs).toFixed(1)} us = ${(median(ours) / median(theirs)).toFixed(0)} times`,
    );
  }
  const throughput = new Map<number, number>();
  for (const clients of [1, 4, 16]) {
    const results = await Promise.all(
      Array.from({ length: clients }, () => client('pread', machine.path('enabled'), 1500)),
    );
    throughput.set(clients, results.reduce((sum, { operations }) => sum + operations, 0) / 1.5);
  }
  const alone = throughput.get(1) ?? 1;
  for (const [clients, perSecond] of throughput) {
    print(
      `pread, ${String(clients).padStart(2)} clients       ${perSecond.toFixed(0)} per second = ${(perSecond / alone).toFixed(2)} times one client`,
    );
  }
  await machine.stop();
}

/** In a process of its own: what a transport waits for, without the transport. */
async function benchRequestPath(): Promise<void> {
  const costs: RequestCosts = JSON.parse(await run(process.execPath, [REQUEST_PATH]));
  print('a request within klpfs, without FUSE (limit 500 ns unless it needs a task)');
  for (const [kind, ns] of Object.entries(costs)) print(`  ${kind.padEnd(40)} ${ns.toFixed(0)} ns`);
}

async function benchTransitions(): Promise<void> {
  let smallest: number | undefined;
  for (const tasks of [100, 10_000, 100_000, 1_000_000]) {
    const machine = await startMachine(crowd(tasks));
    await client('toggle', machine.path('enabled'), 300);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const [toggled, read] = await Promise.all([
      client('toggle', machine.path('enabled'), 3000),
      client('probe', machine.path('transition'), 3000),
    ]);
    delay.disable();
    const alone = await client('toggle', machine.path('enabled'), 1500);
    smallest ??= alone.p50Us;
    const delayMs = delay.percentile(99.9) / 1e6 - 1;
    print(
      `transition, ${String(tasks).padStart(7)} tasks ${(alone.p50Us / 1000).toFixed(2)} ms = ${(alone.p50Us / smallest).toFixed(1)} times 100 tasks; ` +
        `meanwhile (${toggled.operations} transitions) requests p99 ${(read.p99Us / 1000).toFixed(1)} ms (limit 10), event loop p99.9 ${delayMs.toFixed(1)} ms (limit 5)`,
    );
    await machine.stop();
  }
}

/** In a process of its own; every situation takes its turn in every round. */
async function benchCalls(): Promise<void> {
  const { calls, enablingMs }: CallCosts = JSON.parse(await run(process.execPath, [CALLS]));
  const { plain = Number.NaN, unpatched = Number.NaN, ...others } = calls;
  print(`call, plain JavaScript  ${plain.toFixed(0)} ns`);
  print(
    `  unpatched function    ${unpatched.toFixed(0)} ns = ${(unpatched / plain).toFixed(1)} times plain JavaScript`,
  );
  for (const [situation, ns] of Object.entries(others)) {
    const limit = situation.startsWith('patched') ? ' (limit 5)' : '';
    print(
      `  ${situation.padEnd(21)} ${ns.toFixed(0)} ns = ${(ns / unpatched).toFixed(1)} times unpatched${limit}`,
    );
  }
  print(`enabling 10000 functions ${enablingMs.toFixed(0)} ms (limit 100)`);
}

/** In processes of their own, so that one does not pay for the memory of the other. */
async function benchTasks(): Promise<void> {
  for (const tasks of [10_000, 100_000, 1_000_000]) {
    const costs: TaskCosts = JSON.parse(
      await run(process.execPath, ['--expose-gc', TASKS, String(tasks)]),
    );
    const nsPerTask = (costs.transitionMs * 1e6) / tasks;
    print(
      `${String(tasks).padStart(7)} tasks          ${costs.bytesPerTask.toFixed(0)} bytes each (limit 200); from YAML to ready ${(costs.bootMs / 1000).toFixed(2)} s (limit 3); ` +
        `transition ${costs.transitionMs.toFixed(1)} ms = ${nsPerTask.toFixed(0)} ns a task, a pass that switches all ${costs.passMs.toFixed(1)} ms (limit 100)`,
    );
  }
}

/** In processes of their own; each patch has functions of its own, or all have the same. */
async function benchPatches(): Promise<void> {
  for (const release of ['4.15', '6.1']) {
    for (const functions of ['own', 'same']) {
      const output = await run(process.execPath, [PATCHES, release, functions]);
      const costs: PatchCosts = JSON.parse(output);
      print(
        `1000 patches on ${release.padEnd(4)}    ${(costs.totalMs / 1000).toFixed(2)} s to load (${functions} functions); a load ${costs.firstLoadsMs.toFixed(2)} ms at first, ${costs.lastLoadsMs.toFixed(2)} ms at last`,
      );
      print(
        `  with all of them      ls ${costs.listingMs.toFixed(1)} ms, stat ${costs.statUs.toFixed(1)} us, read ${costs.readUs.toFixed(1)} us, proc/modules ${costs.procModulesMs.toFixed(1)} ms; a patched call ${costs.lastCallNs.toFixed(0)} ns, with one patch ${costs.firstCallNs.toFixed(0)} ns`,
      );
    }
  }
}

/** A daemon of its own, as users have it. */
async function benchListing(): Promise<void> {
  const directory = mkdtempSync(join(scratch, 'listing-'));
  const machine = join(scratch, 'listing.yaml');
  writeFileSync(machine, crowd(100_000));
  await run(CLI, ['mount', directory, '--machine', machine]);
  const commands = [
    ['ls -f proc', 'ls', '-f', join(directory, 'proc')],
    ['klpfs ps', CLI, 'ps', '--mount', directory],
  ] as const;
  for (const [label, command, ...args] of commands) {
    const seconds: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = performance.now();
      await run(command, args);
      seconds.push((performance.now() - before) / 1000);
    }
    print(`${label.padEnd(23)} ${median(seconds).toFixed(2)} s with 100000 tasks (limit 1)`);
  }
  await run(CLI, ['umount', directory]);
}

const BENCHES = {
  start: benchStart,
  run: benchRun,
  requests: benchRequests,
  requestPath: benchRequestPath,
  transitions: benchTransitions,
  calls: benchCalls,
  tasks: benchTasks,
  patches: benchPatches,
  listing: benchListing,
  selftests: benchSelftests,
};

/** `npm run bench -- run selftests`: only these. */
const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  print(`bench: no ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
try {
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (named.length === 0 || named.includes(name)) await bench();
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(0);
