/**
 * What a request costs between a transport and its answer, without FUSE:
 * node requestCosts [KIND...]
 *
 * Asks the file system of a booted machine as a transport does, and prints as JSON the median
 * microseconds of each kind of request.
 */
import { performance } from 'node:perf_hooks';
import { FileSystem } from '../../mount/fileSystem.ts';
import type { Result } from '../../mount/reply.ts';
import { encodeUtf8 } from '../../src/abi/bytes.ts';
import { ERRNO } from '../../src/abi/errno.ts';
import { O_RDWR } from '../../src/abi/mode.ts';
import { MachineLoop } from '../../src/daemon/machineLoop.ts';
import { prepareMachine } from '../../src/daemon/prepareMachine.ts';
import { panelOf } from '../../src/daemon/verbs.ts';
import { bootKernel } from '../../src/engine/boot.ts';
import { loadModule } from '../../src/engine/module/loader.ts';
import { toBootOptions } from '../../src/machine/bootOptions.ts';
import { draftMachine } from '../../src/machine/parse.ts';
import type { Node, OpenFile } from '../../src/sysfs/node.ts';
import { mountedTree } from '../../src/sysfs/root.ts';
import { median } from './measured.ts';

/** Microseconds a request, by its kind. */
export type RequestCosts = Readonly<Record<string, number>>;

/** A request, answered before it returns. */
type Request = () => void;

/** So few of a kind in a row, as clients mix them: more would be kinder to the compiler than they are. */
const REQUESTS = 50;
const ROUNDS = 4000;
const SIZE_BYTES = 4096;
const CALLER = { pid: 4242, uid: 0, gid: 0 };
/** Somebody has to want the answers, else the compiler leaves their making out. */
const answers: { last: Result<unknown> | undefined } = { last: undefined };
const PATCH = 'sys/kernel/livepatch/livepatch_sample';

async function boot() {
  const machine = draftMachine('release: "6.1"', 'bench', {});
  const { description, modules } = await prepareMachine(machine, { baseDirectory: '.' });
  const kernel = bootKernel(toBootOptions(description, modules, Date.now()));
  const loop = new MachineLoop(kernel, { kind: 'real', speed: 1 }, fail);
  await new Promise((done) => loop.run(loadModule(kernel, 'livepatch-sample', []), done));
  const { root } = mountedTree(kernel, panelOf(description, loop));
  return { loop, fileSystem: new FileSystem(root, loop.run, fail) };
}

function fail(error: unknown): never {
  throw error;
}

/** What a request that is answered at once is answered with. */
function answerTo<T>(ask: (reply: (result: Result<T>) => void) => void): T {
  const results: Result<T>[] = [];
  ask((result) => results.push(result));
  const [result] = results;
  if (!result || !('value' in result)) throw new Error(`answered ${JSON.stringify(results)}`);
  return result.value;
}

function requestsOf(fileSystem: FileSystem): Map<string, Request> {
  const expecting = (errno: number) => (result: Result<unknown>) => {
    if (('errno' in result ? result.errno : 0) !== errno) fail(new Error(JSON.stringify(result)));
    answers.last = result;
  };
  const reply = expecting(0);
  const missing = expecting(-ERRNO.ENOENT.number);
  const refused = expecting(-ERRNO.EINVAL.number);
  const find = (path: string) =>
    path
      .split('/')
      .reduce<Node>(
        (node, name) => answerTo((reply) => fileSystem.lookup(node, name, reply)),
        fileSystem.root,
      );
  const open = (path: string) =>
    answerTo<OpenFile>((reply) => fileSystem.open(find(path), 0, reply, CALLER));

  const object = find(`${PATCH}/vmlinux`);
  const patched = find(`${PATCH}/vmlinux/patched`);
  const enabled = open(`${PATCH}/enabled`);
  const continued = open(`${PATCH}/enabled`);
  const cmdline = open('proc/cmdline');
  const written = answerTo<OpenFile>((reply) =>
    fileSystem.open(find(`${PATCH}/enabled`), O_RDWR, reply, CALLER),
  );
  const first = { offset: 0, sizeBytes: SIZE_BYTES };
  const one = { offset: 0, data: encodeUtf8('1\n') };
  const rest = { offset: 1, sizeBytes: SIZE_BYTES };
  const openAndRelease = (result: Result<OpenFile>) => {
    if ('value' in result) fileSystem.release(result.value, reply);
  };

  const rewind = { offset: 0, sizeBytes: 1 };
  return new Map<string, Request>([
    ['read enabled', () => fileSystem.read(enabled, first, reply, CALLER)],
    [
      'read enabled in two pieces',
      () => {
        fileSystem.read(continued, rewind, reply, CALLER);
        fileSystem.read(continued, rest, reply, CALLER);
      },
    ],
    ['lookup', () => fileSystem.lookup(object, 'patched', reply)],
    ['lookup of a missing name', () => fileSystem.lookup(object, 'missing', missing)],
    ['lookup of each name of a path', () => void find(`${PATCH}/vmlinux/patched`)],
    ['getattr', () => fileSystem.getattr(patched, reply)],
    ['getattr of a directory', () => fileSystem.getattr(object, reply)],
    ['open and release', () => fileSystem.open(patched, 0, openAndRelease, CALLER)],
    ['read proc/cmdline (by a task)', () => fileSystem.read(cmdline, first, reply, CALLER)],
    [
      'all of cat proc/1/patch_state',
      () => {
        const file = open('proc/1/patch_state');
        fileSystem.read(file, first, reply, CALLER);
        fileSystem.release(file, reply);
      },
    ],
    ['refused write to enabled (by a task)', () => fileSystem.write(written, one, refused, CALLER)],
  ]);
}

async function measure(requests: ReadonlyMap<string, Request>): Promise<RequestCosts> {
  const measured = new Map([...requests.keys()].map((kind) => [kind, [] as number[]]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [kind, request] of requests) {
      const before = performance.now();
      for (let count = 0; count < REQUESTS; count += 1) request();
      const us = ((performance.now() - before) * 1000) / REQUESTS;
      measured.get(kind)?.push(us);
      // A machine that has fallen behind, since somebody else had the cpu, goes on only then.
      await new Promise(setImmediate);
    }
  }
  return Object.fromEntries([...measured].map(([kind, values]) => [kind, median(values)]));
}

const { loop, fileSystem } = await boot();
const named = process.argv.slice(2);
const requests = [...requestsOf(fileSystem)];
const costs = await measure(
  new Map(requests.filter(([kind]) => named.length === 0 || named.includes(kind))),
);
loop.stop();
process.stdout.write(JSON.stringify(costs));
