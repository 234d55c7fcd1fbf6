/** The loop that drives the machine: clocks, slices, and bugs that do not end it. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { type ClockMode, MachineLoop } from '../../src/daemon/machineLoop.ts';
import { NS_PER_MS, setTimer } from '../../src/engine/clock.ts';
import type { Context } from '../../src/engine/sched/context.ts';
import { createWaitQueue, sleepFor, waitOn, wakeAll } from '../../src/engine/sched/wait.ts';
import { until } from '../support/clients.ts';
import { Machine } from '../support/machine.ts';

function loopWith(mode: ClockMode) {
  const { kernel } = new Machine();
  const bugs: unknown[] = [];
  const loop = new MachineLoop(kernel, mode, (error) => bugs.push(error));
  onTestFinished(() => loop.stop());
  return { kernel, loop, bugs };
}

test('a real clock moves virtual time by itself, faster if told so', async () => {
  const { kernel, loop } = loopWith({ kind: 'real', speed: 1000 });
  let fired = 0;
  setTimer(kernel.timers, 50_000 * NS_PER_MS, () => {
    fired += 1;
  });
  loop.start();
  expect(fired).toBe(0);
  await until(() => fired === 1);
  expect(kernel.clock.nowNs).toBeGreaterThanOrEqual(50_000 * NS_PER_MS);
});

test('the clock of an idle machine is never far behind, since files have their times from it', async () => {
  const { kernel, loop } = loopWith({ kind: 'real', speed: 1 });
  loop.start();
  await wait(600);
  expect(kernel.clock.nowNs).toBeGreaterThan(300 * NS_PER_MS);
});

test('a manual clock stands still until it is moved, and a request waits until it is there', async () => {
  const { kernel, loop } = loopWith({ kind: 'manual' });
  loop.start();
  await wait(20);
  expect(kernel.clock.nowNs).toBe(0);

  let answered = false;
  loop.extend(3000 * NS_PER_MS);
  loop.run(
    (function* () {
      yield { kind: 'sleep', state: 'uninterruptible', untilNs: 3000 * NS_PER_MS };
    })(),
    () => {
      answered = true;
    },
  );
  await until(() => answered);
  expect(kernel.clock.nowNs).toBe(3000 * NS_PER_MS);
});

test('whoever is woken by what runs on no task goes on in the next turn', async () => {
  const { kernel, loop } = loopWith({ kind: 'real', speed: 1 });
  loop.start();
  const queue = createWaitQueue();
  let woken = false;
  loop.run(waitOn(kernel, queue, 'interruptible'), () => {
    woken = true;
  });

  wakeAll(kernel, queue);

  expect(woken).toBe(false);
  await new Promise(setImmediate);
  expect(woken).toBe(true);
});

test('long work is cut in slices between which Node gets its turn', async () => {
  const { loop } = loopWith({ kind: 'real', speed: 1 });
  let rounds = 0;
  let turns = 0;
  let done = false;
  const turn = () => {
    turns += 1;
    if (!done) setImmediate(turn);
  };
  setImmediate(turn);
  loop.run(
    (function* () {
      const busyUntil = performance.now() + 60;
      for (; performance.now() < busyUntil; rounds += 1) yield { kind: 'resched' };
    })(),
    () => {
      done = true;
    },
  );
  expect(done).toBe(false);
  await until(() => done);
  expect(turns).toBeGreaterThan(5);
  expect(rounds).toBeGreaterThan(turns);
});

test('requests that find the machine behind share one slice of it, and are answered in turn', async () => {
  const { loop } = loopWith({ kind: 'real', speed: 1 });
  const answered: string[] = [];
  const request = (name: string, durationMs: number) => {
    const before = loop.steps;
    loop.run(working(durationMs), () => answered.push(name));
    return loop.steps - before;
  };
  const steps = [request('long', 60), request('a', 0), request('b', 0), request('c', 0)];
  expect(steps[0]).toBeGreaterThan(0);
  expect(steps.slice(2)).toEqual([0, 0]);
  await until(() => answered.length === 4);
  expect(answered.at(-1)).toBe('long');
});

/** Lets others run all the time. */
function* working(durationMs: number): Context {
  const busyUntil = performance.now() + durationMs;
  while (performance.now() < busyUntil) yield { kind: 'resched' };
}

test('a sleep that ends before the loop meant to look again ends in time', async () => {
  const { kernel, loop } = loopWith({ kind: 'real', speed: 1 });
  loop.start();
  const sleepsMs: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const before = performance.now();
    await new Promise((answered) => loop.run(sleepFor(kernel, 'killable', NS_PER_MS), answered));
    sleepsMs.push(performance.now() - before);
  }
  expect(Math.min(...sleepsMs)).toBeLessThan(80);
});

test('a bug of the engine is reported, and the machine goes on', async () => {
  const { kernel, loop, bugs } = loopWith({ kind: 'real', speed: 1 });
  setTimer(kernel.timers, NS_PER_MS, () => {
    throw new TypeError('oops');
  });
  let fired = false;
  setTimer(kernel.timers, 2 * NS_PER_MS, () => {
    fired = true;
  });
  loop.start();
  await until(() => fired);
  expect(bugs).toMatchObject([{ message: 'oops' }]);
});
