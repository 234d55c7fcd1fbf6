/** Writes down every input of a machine, at the moment at which the machine gets it. */
import { formatKmsg } from '../engine/printk.ts';
import type { Context } from '../engine/sched/context.ts';
import type { LoopObserver, MachineLoop } from './machineLoop.ts';
import type {
  Moment,
  RecordedEvent,
  RecordedInput,
  RecordingEnd,
  RecordingHeader,
} from './recordFormat.ts';

/** Takes the lines of a recording, without their newlines. */
export type LineSink = (line: string) => void;

/** Records a machine from its boot on: created before anything runs on its loop. */
export class Recorder implements LoopObserver {
  readonly #loop: MachineLoop;
  readonly #sink: LineSink;
  readonly #inputs = new WeakMap<Context<unknown>, number>();
  #last = 0;
  #lastFile = 0;

  constructor(loop: MachineLoop, header: RecordingHeader, sink: LineSink) {
    this.#loop = loop;
    this.#sink = sink;
    sink(JSON.stringify(header));
    loop.observer = this;
  }

  /** An input that happens now. It is part of the recording once it is `written`. */
  note(event: RecordedEvent): RecordedInput {
    this.#last += 1;
    return { n: this.#last, ...this.#now(), ...event };
  }

  write(input: RecordedInput): void {
    this.#sink(JSON.stringify(input));
  }

  /** The next number of an open file. */
  nextFile(): number {
    this.#lastFile += 1;
    return this.#lastFile;
  }

  /** Says which input a context comes from, before it runs. */
  attribute(context: Context<unknown>, { n }: RecordedInput): void {
    this.#inputs.set(context, n);
  }

  /** The daemon is about to load a module. */
  loading(name: string, context: Context<unknown>): void {
    const input = this.note({ do: 'load', name });
    this.write(input);
    this.attribute(context, input);
  }

  starting(context: Context<unknown>): void {
    this.#writeAbout('start', context);
  }

  interrupting(context: Context<unknown>): void {
    this.#writeAbout('interrupt', context);
  }

  /** The machine has stopped. */
  end(): void {
    const log = this.#loop.kernel.log.records.map((record) => formatKmsg(record).slice(0, -1));
    const end: RecordingEnd = { do: 'end', ...this.#now(), log };
    this.#sink(JSON.stringify(end));
  }

  #writeAbout(what: 'start' | 'interrupt', context: Context<unknown>): void {
    const of = this.#inputs.get(context);
    if (of !== undefined) this.write(this.note({ do: what, of }));
  }

  #now(): Moment {
    return { steps: this.#loop.steps, ns: this.#loop.kernel.clock.nowNs };
  }
}
