/** Every operation is answered once, whatever those who work on it do. */
import { expect, test } from 'vitest';
import { answer, answerByTask, type Outcome, type Result, type Run } from '../../mount/reply.ts';
import { KernelError } from '../../src/abi/errno.ts';
import { memoryRun, sleepThen } from '../support/memoryTree.ts';

function client() {
  const results: Result<string>[] = [];
  const bugs: unknown[] = [];
  const reply = (result: Result<string>) => results.push(result);
  const onBug = (error: unknown) => bugs.push(error);
  return { results, bugs, reply, onBug };
}

const refuse = (): never => {
  throw new KernelError('EBUSY', 'no');
};
const fail = (): never => {
  throw new RangeError('a bug');
};

test.each([
  ['a value', () => 'value', { value: 'value' }, 0],
  ['a refusal', refuse, { errno: -16 }, 0],
  ['a bug', fail, { errno: -5 }, 1],
])('%s is one reply, with a task or without', (_name, operation, result, bugs) => {
  const plain = client();
  answer(operation, plain.reply, plain.onBug);
  const byTask = client();
  const { run } = memoryRun();
  const { onBug } = byTask;
  const interrupt = answerByTask<string>(operation, byTask.reply, {
    run,
    onBug,
    caller: undefined,
  });

  expect(plain.results).toEqual([result]);
  expect(byTask.results).toEqual([result]);
  expect(plain.bugs).toHaveLength(bugs);
  expect(byTask.bugs).toHaveLength(bugs);
  expect(interrupt).toBeUndefined();
});

test.each([
  ['a value', () => 'late', { value: 'late' }],
  ['a refusal', refuse, { errno: -16 }],
  ['a bug', fail, { errno: -5 }],
])('%s may come late, and cannot be interrupted any more', (_name, value, result) => {
  const { results, reply, onBug } = client();
  const { run, wakeAll } = memoryRun();
  const context = () => sleepThen<string>(value);
  const interrupt = answerByTask(context, reply, { run, onBug, caller: undefined });

  expect(results).toEqual([]);
  wakeAll();
  interrupt?.();

  expect(interrupt).toBeDefined();
  expect(results).toEqual([result]);
});

test('an interrupt reaches the context', () => {
  const { results, reply, onBug } = client();
  const { run } = memoryRun();
  const context = () => sleepThen(() => 'never');

  answerByTask(context, reply, { run, onBug, caller: undefined })?.();

  expect(results).toEqual([{ errno: -4 }]);
});

test('a runner that fails, settles twice or cannot interrupt is a bug, and no second reply', () => {
  let settle: (outcome: Outcome<string>) => void = () => {};
  const context = () => sleepThen(() => 'x');
  const caller = undefined;
  const throwing = client();
  answerByTask(context, throwing.reply, { run: fail, onBug: throwing.onBug, caller });
  const twice = client();
  const run = ((_context: unknown, settled: typeof settle) => {
    settle = settled;
    return fail;
  }) as Run;
  const interrupt = answerByTask(context, twice.reply, { run, onBug: twice.onBug, caller });
  interrupt?.();
  settle({ value: 'once' });
  settle({ value: 'twice' });

  expect(throwing.results).toEqual([{ errno: -5 }]);
  expect(throwing.bugs).toHaveLength(1);
  expect(twice.results).toEqual([{ value: 'once' }]);
  expect(twice.bugs).toHaveLength(2);
});

test('the runner is told who asks', () => {
  const { reply, onBug } = client();
  const callers: unknown[] = [];
  const { run } = memoryRun();
  const listening: Run = (context, settled, caller) => {
    callers.push(caller);
    return run(context, settled, caller);
  };
  const caller = { pid: 7, uid: 8, gid: 9 };

  answerByTask(() => sleepThen(() => 'x'), reply, { run: listening, onBug, caller });

  expect(callers).toEqual([caller]);
});

test('a number that is no errno is answered by the name that it goes with', () => {
  const { results, bugs, reply, onBug } = client();
  const returnNumber = (): never => {
    throw new KernelError('EINVAL', 'pre_patch returned -512', -512);
  };
  answer(returnNumber, reply, onBug);
  expect([results, bugs]).toEqual([[{ errno: -22 }], []]);
});
