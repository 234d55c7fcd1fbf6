/**
 * How answers travel back to a transport: exactly once, as a value or as a negative errno.
 *
 * The only place where failures become numbers. A bug of ours is EIO for the client and goes, with
 * its stack, to whoever watches the daemon.
 */
import { ERRNO, KernelError } from '../src/abi/errno.ts';
import { type Answer, type Caller, type Context, isContext } from '../src/sysfs/node.ts';

/** What a client gets: a value, or a negative errno. */
export type Result<T> = { readonly value: T } | { readonly errno: number };

/** Takes the result of one operation. Called once, at once or later. */
export type Reply<T> = (result: Result<T>) => void;

/** How a computation ended. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** Sends a signal to whoever waits. It stays pending until the next interruptible sleep. */
export type Interrupt = () => void;

/** Runs a context on a task of the machine; `settled` is called once, possibly before it returns. */
export type Run = <T>(
  context: Context<T>,
  settled: (outcome: Outcome<T>) => void,
  caller: Caller | undefined,
) => Interrupt;

/** Hears of errors that are bugs of ours. */
export type OnBug = (error: unknown) => void;

/** Performs an operation that needs no task, and replies with what came of it. */
export function answer<T>(operation: () => T, reply: Reply<T>, onBug: OnBug): void {
  reply(toResult(attempt(operation), onBug));
}

/** Performs an operation that may need a task; how to interrupt it, unless it is already answered. */
export function answerByTask<T>(
  operation: () => Answer<T>,
  reply: Reply<T>,
  runner: Runner,
): Interrupt | undefined {
  const first = attempt(operation);
  if ('value' in first) {
    if (isContext(first.value)) return answerLater(first.value, reply, runner);
    reply({ value: first.value });
  } else {
    reply(toResult(first, runner.onBug));
  }
  return undefined;
}

/** Who runs contexts, on whose behalf. */
interface Runner {
  readonly run: Run;
  readonly onBug: OnBug;
  readonly caller: Caller | undefined;
}

function answerLater<T>(
  context: Context<T>,
  reply: Reply<T>,
  { run, onBug, caller }: Runner,
): Interrupt | undefined {
  let answered = false;
  const settle = (outcome: Outcome<T>) => {
    if (answered) {
      onBug(new Error('klpfs bug: an operation was answered twice'));
      return;
    }
    answered = true;
    reply(toResult(outcome, onBug));
  };

  const started = attempt(() => run(context, settle, caller));
  if ('error' in started) {
    settle(started);
    return undefined;
  }
  if (answered) return undefined;
  return () => {
    if (answered) return;
    const interrupted = attempt(started.value);
    if ('error' in interrupted) onBug(interrupted.error);
  };
}

function attempt<T>(operation: () => T): Outcome<T> {
  try {
    return { value: operation() };
  } catch (error) {
    return { error };
  }
}

function toResult<T>(outcome: Outcome<T>, onBug: OnBug): Result<T> {
  if ('value' in outcome) return outcome;
  // By its code: FUSE refuses numbers that are no errno, and the client would wait for ever.
  if (outcome.error instanceof KernelError) return { errno: -ERRNO[outcome.error.code].number };
  onBug(outcome.error);
  return { errno: -ERRNO.EIO.number };
}
