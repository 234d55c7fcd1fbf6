/** control/clock: a clock that is moved so far, or until something is so. */
import { expect, onTestFinished, test } from 'vitest';
import { encodeUtf8 } from '../../src/abi/bytes.ts';
import { KernelError } from '../../src/abi/errno.ts';
import { O_WRONLY } from '../../src/abi/mode.ts';
import { clockVerb, parseClockRequest } from '../../src/daemon/clockVerb.ts';
import { MachineLoop } from '../../src/daemon/machineLoop.ts';
import { readMachine } from '../../src/daemon/readMachine.ts';
import { bootKernel } from '../../src/engine/boot.ts';
import { NS_PER_MS, NS_PER_US } from '../../src/engine/clock.ts';
import { hasWork } from '../../src/engine/sched/run.ts';
import { toBootOptions } from '../../src/machine/bootOptions.ts';
import { builtinModules } from '../../src/modules/builtin.ts';
import { kernelVerbs } from '../../src/sysfs/control.ts';
import { controlFile } from '../../src/sysfs/controlFile.ts';
import { sysfsOf } from '../../src/sysfs/fileSystems.ts';
import { createTree } from '../../src/sysfs/inode.ts';
import { isContext } from '../../src/sysfs/node.ts';
import { until } from '../support/clients.ts';

interface Request {
  /** `ok` or an errno; undefined until then. */
  readonly answer: () => string | undefined;
  readonly begunNs: () => number;
  readonly answeredNs: () => number;
  readonly interrupt: () => void;
}

function startMachine(tasks: string, cpus = 2) {
  const description = readMachine(`{cpus: ${cpus}, tasks: [${tasks}]}`, 'test.yaml', {
    clock: 'manual',
  });
  const kernel = bootKernel(toBootOptions(description, builtinModules, 1_700_000_000_000));
  const bugs: unknown[] = [];
  const loop = new MachineLoop(kernel, { kind: 'manual' }, (error) => bugs.push(error));
  onTestFinished(() => {
    loop.stop();
    expect(bugs).toEqual([]);
  });
  loop.start();
  const tree = createTree(kernel, sysfsOf(kernel.config.release));
  const verbs = [...kernelVerbs, clockVerb(description, loop)];

  const start = (text: string, name: string): Request => {
    let answer: string | undefined;
    let begunNs = Number.NaN;
    let answeredNs = Number.NaN;
    const verb = verbs.find((one) => one.name === name);
    const written =
      verb &&
      controlFile(tree, verb)
        .open(O_WRONLY)
        .write(0, encodeUtf8(`${text}\n`));
    if (written === undefined || !isContext(written)) throw new Error(`${name} needs no task`);
    const noted = (function* () {
      begunNs = kernel.clock.nowNs;
      yield* written;
    })();
    const interrupt = loop.run(noted, (outcome) => {
      const failed = 'error' in outcome ? outcome.error : undefined;
      answer = failed instanceof KernelError ? failed.code : String(failed ?? 'ok');
      answeredNs = kernel.clock.nowNs;
    });
    return {
      answer: () => answer,
      begunNs: () => begunNs,
      answeredNs: () => answeredNs,
      interrupt,
    };
  };
  const write = async (text: string, name = 'clock') => {
    const { answer } = start(text, name);
    await until(() => answer() !== undefined && !hasWork(kernel));
    return answer();
  };
  /** When a line was logged, in microseconds. */
  const loggedUs = (text: string) =>
    kernel.log.records.find((record) => record.text.includes(text))?.timeUs;
  return { kernel, start, write, loggedUs };
}

/** In the patched function for 2.5 s and a little. */
const READER =
  '{comm: reader, program: [{sleep_in: [cmdline_proc_show], for: 2500100us}, {sleep_in: [schedule]}]}';
/** Computes for 3 ms, and then again, from 1.003 s to 1.006 s; nothing after that. */
const WORKER =
  '{comm: worker, program: [{repeat: {times: 2, steps: [{user: 3ms}, {sleep_in: [schedule], for: 1s}]}}, {sleep_in: [schedule]}]}';
const HOG = '{comm: hog, program: [{user: 1ms}, {syscall: [vfs_read]}]}';

// biome-ignore format: the columns are the point
test.each<[request: string, meaning: unknown]>([
  ['+1.5s',                    { kind: 'advance', durationNs: 1_500_000_000 }],
  ['+20ms\n',                  { kind: 'advance', durationNs: 20_000_000 }],
  ['+10us',                    { kind: 'advance', durationNs: 10_000 }],
  ['+0s',                      { kind: 'advance', durationNs: 0 }],
  ['until transition 60s\n',   { kind: 'until', goal: 'transition', limitNs: 60e9, limit: '60s' }],
  ['UNTIL Idle 0.5m',          { kind: 'until', goal: 'idle', limitNs: 30e9, limit: '0.5m' }],
  ['1s', 'EINVAL'], ['-1s', 'EINVAL'], ['+1', 'EINVAL'], ['+1h', 'EINVAL'], ['+1s 2', 'EINVAL'], ['', 'EINVAL'],
  ['until idle', 'EINVAL'], ['until idle 60', 'EINVAL'], ['until idle +1s', 'EINVAL'],
  ['until toString 1s', 'EINVAL'], ['idle 1s', 'EINVAL'], ['until idle 1s 2s', 'EINVAL'],
])('clock <- %j: %j', (request, meaning) => {
  const parse = () => {
    try {
      return parseClockRequest(request);
    } catch (error) {
      return error instanceof KernelError ? error.code : error;
    }
  };
  expect(parse()).toEqual(meaning);
});

test('a transition that ends stops the clock at that moment', async () => {
  const { kernel, write, loggedUs } = startMachine(READER);
  await write('livepatch-sample', 'insmod');
  expect(await write('until transition 60s')).toBe('ok');

  expect(kernel.livepatch.transition).toBeUndefined();
  expect(kernel.clock.nowNs).toBeGreaterThan(2500 * NS_PER_MS);
  expect(kernel.clock.nowNs).toBe((loggedUs('patching complete') ?? 0) * NS_PER_US);
});

test('a machine that becomes idle stops the clock at that moment', async () => {
  const { kernel, write } = startMachine(WORKER);
  await write('+1ms');
  expect(await write('until idle 60s')).toBe('ok');
  expect(kernel.clock.nowNs).toBe(3 * NS_PER_MS);

  await write('+1s');
  expect(await write('until idle 60s')).toBe('ok');
  expect(kernel.clock.nowNs).toBe(1006 * NS_PER_MS);
});

test.each(['transition', 'idle'])('what is so already moves nothing: %s', async (goal) => {
  const { kernel, write } = startMachine('{comm: sleeper, program: [{sleep_in: [schedule]}]}');
  expect(await write(`until ${goal} 60s`)).toBe('ok');
  expect(kernel.clock.nowNs).toBe(0);
  const limits = kernel.timers.heap.filter(({ expiresNs }) => expiresNs === 60_000 * NS_PER_MS);
  expect(limits.every(({ cancelled }) => cancelled)).toBe(true);
});

test('a moment is looked at when all that belongs to it is done', async () => {
  const early = '{comm: early, cpu: 0, program: [{user: 3ms}, {sleep_in: [schedule]}]}';
  const late =
    '{comm: late, cpu: 1, program: [{sleep_in: [schedule], for: 3ms}, {user: 1ms}, {sleep_in: [schedule]}]}';
  const { kernel, write } = startMachine(`${early}, ${late}`);
  expect(await write('until idle 60s')).toBe('ok');
  expect(kernel.clock.nowNs).toBe(4 * NS_PER_MS);
});

test('where the clock was stopped, it stands: what is due then is done', async () => {
  const { kernel, write } = startMachine(WORKER);
  await write('until idle 60s');
  expect(await write('1 off', 'cpu')).toBe('ok');
  expect(kernel.clock.nowNs).toBe(3 * NS_PER_MS);
});

// biome-ignore format: the columns are the point
test.each([
  ['transition', 'livepatch_sample is still in transition'],
  ['idle',       'the machine is still busy'],
])('%s: after the limit the request is refused, and the log says why', async (goal, why) => {
  const { kernel, write } = startMachine(`${READER}, ${HOG}`);
  await write('livepatch-sample', 'insmod');
  expect(await write(`until ${goal} 1.2345s`)).toBe('ETIMEDOUT');
  expect(kernel.clock.nowNs).toBe(1234.5 * NS_PER_MS);
  expect(kernel.log.records.at(-1)?.text).toBe(`klpfs: clock: after 1.2345s ${why}`);
});

test('what comes true at the limit itself has come true', async () => {
  const measured = startMachine(READER);
  await measured.write('livepatch-sample', 'insmod');
  await measured.write('until transition 60s');
  const limitMs = measured.kernel.clock.nowNs / NS_PER_MS;

  for (const [limit, answer] of [
    [limitMs, 'ok'],
    [limitMs - 0.001, 'ETIMEDOUT'],
  ] as const) {
    const { write } = startMachine(READER);
    await write('livepatch-sample', 'insmod');
    expect(await write(`until transition ${limit}ms`)).toBe(answer);
  }
});

test('who waits changes nothing of how a transition goes', async () => {
  const tasks = `${READER}, ${HOG}, ${HOG}, ${HOG}, ${WORKER}`;
  const logs = await Promise.all(
    ['until transition 60s', '+60s'].map(async (request) => {
      const { kernel, write } = startMachine(tasks);
      await write('livepatch-sample', 'insmod');
      await write(request);
      return kernel.log.records;
    }),
  );
  expect(logs[0]?.at(-1)?.text).toContain('patching complete');
  expect(logs[0]).toEqual(logs[1]);
});

test('several requests at once: each is answered in its time, and the clock goes as far as the last', async () => {
  const { kernel, start, write, loggedUs } = startMachine(`${READER}, ${HOG}, ${HOG}`);
  await write('livepatch-sample', 'insmod');
  const requests = ['until transition 60s', 'until idle 4s', '+5s'].map((text) =>
    start(text, 'clock'),
  );
  await until(() => requests.every(({ answer }) => answer()) && !hasWork(kernel));

  const completedNs = (loggedUs('patching complete') ?? 0) * NS_PER_US;
  const [, second = Number.NaN, third = Number.NaN] = requests.map(({ begunNs }) => begunNs());
  expect(requests.map(({ answer, answeredNs }) => [answer(), answeredNs()])).toEqual([
    ['ok', completedNs],
    ['ETIMEDOUT', second + 4000 * NS_PER_MS],
    ['ok', third + 5000 * NS_PER_MS],
  ]);
  expect(third).toBeLessThan(completedNs);
  expect(kernel.clock.nowNs).toBe(third + 5000 * NS_PER_MS);
});

test('a signal stops the clock where it is', async () => {
  const { kernel, start } = startMachine(`${HOG}, ${HOG}`);
  const { answer, interrupt } = start('until idle 600s', 'clock');
  await new Promise(setImmediate);
  expect(answer()).toBeUndefined();
  interrupt();
  await until(() => answer() !== undefined);
  const { nowNs } = kernel.clock;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([answer(), kernel.clock.nowNs]).toEqual(['EINTR', nowNs]);
  expect(kernel.watches.size).toBe(0);
});

test('a long run is cut in slices between which Node gets its turn', async () => {
  const { kernel, start } = startMachine(`${HOG}, ${HOG}`);
  let turns = 0;
  const turn = () => {
    turns += 1;
    if (answer() === undefined) setImmediate(turn);
  };
  const { answer } = start('until idle 60s', 'clock');
  setImmediate(turn);
  await until(() => answer() === 'ETIMEDOUT');
  expect(kernel.clock.nowNs).toBe(60_000 * NS_PER_MS);
  expect(turns).toBeGreaterThan(10);
});
