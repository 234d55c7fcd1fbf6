/**
 * A machine on virtual time, driven through paths as a shell would: no mount, no real clock.
 */
import { decodeUtf8, encodeUtf8 } from '../../src/abi/bytes.ts';
import { KernelError } from '../../src/abi/errno.ts';
import { O_APPEND, O_TRUNC, O_WRONLY } from '../../src/abi/mode.ts';
import type { Release } from '../../src/abi/release.ts';
import { toolFiles } from '../../src/daemon/toolFiles.ts';
import { type BootOptions, bootKernel } from '../../src/engine/boot.ts';
import { NS_PER_MS } from '../../src/engine/clock.ts';
import type { Kernel } from '../../src/engine/kernel.ts';
import type { ModuleDefinition } from '../../src/engine/module/model.ts';
import { findAdopted } from '../../src/engine/sched/adopt.ts';
import { type Context, isContext } from '../../src/engine/sched/context.ts';
import { interruptRequest, startRequest, startRequestIn } from '../../src/engine/sched/request.ts';
import { hasWork, runMachine } from '../../src/engine/sched/run.ts';
import type { Outcome } from '../../src/engine/sched/scheduler.ts';
import type { Task } from '../../src/engine/sched/task.ts';
import { type Host, NO_HOST } from '../../src/sysfs/host.ts';
import { ROOT } from '../../src/sysfs/inode.ts';
import type { Answer, Caller, Directory, File, Node, OpenFile } from '../../src/sysfs/node.ts';
import { type MountedTree, mountedTree } from '../../src/sysfs/root.ts';

export interface MachineOptions {
  readonly release?: Release;
  readonly cpus?: number;
  readonly cmdline?: string;
  readonly reliableStacktrace?: boolean;
  readonly functions?: BootOptions['functions'];
  readonly modules?: readonly ModuleDefinition[];
  readonly tasks?: BootOptions['tasks'];
  readonly interrupts?: BootOptions['interrupts'];
  readonly host?: Host;
}

const LIVEPATCH = 'sys/kernel/livepatch';

export class Machine {
  readonly kernel: Kernel;
  readonly #host: Host;
  #mounted: MountedTree | undefined;

  constructor(options: MachineOptions = {}) {
    const release = options.release ?? '4.15';
    this.#host = options.host ?? NO_HOST;
    this.kernel = bootKernel({
      config: {
        release,
        version: `${release}.0`,
        cmdline: options.cmdline ?? 'quiet',
        reliableStacktrace: options.reliableStacktrace ?? true,
      },
      cpus: options.cpus ?? 1,
      seed: 1,
      bootTimeMs: 1_700_000_000_000,
      functions: options.functions ?? [],
      modules: options.modules ?? [],
      tasks: options.tasks ?? [],
      interrupts: options.interrupts ?? [],
    });
    this.advance(0);
  }

  /** Made when it is needed: who boots ten thousand machines may never look. */
  get mounted(): MountedTree {
    this.#mounted ??= mountedTree(
      this.kernel,
      { verbs: [], transactions: toolFiles },
      { owner: ROOT, host: this.#host },
    );
    return this.#mounted;
  }

  get root(): Directory {
    return this.mounted.root;
  }

  /** Moves virtual time. */
  advance(ms: number): void {
    runMachine(this.kernel, this.kernel.clock.nowNs + ms * NS_PER_MS, () => false);
  }

  /** What `cat` prints, without the last newline; or the errno's name. */
  cat(path: string): string {
    return this.attempt(() => {
      const file = this.open(path, 0);
      try {
        return decodeUtf8(this.finish(file.read(0, 1 << 20))).replace(/\n$/, '');
      } finally {
        this.finish(file.release());
      }
    });
  }

  /** `ok`, or the errno's name: one write, with the newline that echo adds. */
  echo(text: string, path: string): string {
    return this.write(`${text}\n`, path);
  }

  /** `printf %s text > path`. */
  write(text: string, path: string): string {
    return this.#write(text, path, O_TRUNC);
  }

  /** `echo text >> path`. */
  append(text: string, path: string): string {
    return this.#write(`${text}\n`, path, O_APPEND);
  }

  /** What a write leaves is written again, as shells do. */
  #write(text: string, path: string, flags: number): string {
    return this.attempt(() => {
      const file = this.open(path, O_WRONLY | flags);
      try {
        const bytes = encodeUtf8(text);
        let written = 0;
        do written += this.finish(file.write(written, bytes.subarray(written)));
        while (written < bytes.length);
      } finally {
        this.finish(file.release());
      }
      return 'ok';
    });
  }

  insmod(...words: string[]): string {
    return this.write(words.join(' '), 'control/insmod');
  }

  rmmod(name: string): string {
    return this.write(name, 'control/rmmod');
  }

  /** Turns the pr_debug() lines of livepatch on. */
  enableDebugLines(): void {
    this.write('module livepatch +p', 'sys/kernel/debug/dynamic_debug/control');
  }

  ls(path: string): string[] {
    const node = this.find(path);
    if (node?.kind !== 'directory') return [];
    return [...node.list()].map(([name]) => name);
  }

  /** The kernel log's lines from livepatch and modules since the last call; no boot lines. */
  dmesg(): string[] {
    const { records } = this.kernel.log;
    const lines = records.filter(({ sequence }) => sequence >= this.#seen);
    this.#seen = this.kernel.log.nextSequence;
    return lines
      .map(({ text }) => text)
      .filter((text) => !/^Linux version|^Command line/.test(text));
  }

  #seen = 0;

  /** Every path of the mounted tree but those of tasks and of control/. */
  tree(): string[] {
    const paths: string[] = [];
    const walk = (directory: Directory, prefix: string) => {
      for (const [name] of directory.list()) {
        const node = directory.lookup(name);
        paths.push(`${prefix}${name}`);
        if (node?.kind === 'directory') walk(node, `${prefix}${name}/`);
      }
    };
    for (const top of ['sys/kernel', 'sys/module']) {
      const node = this.find(top);
      if (node?.kind === 'directory') walk(node, `${top}/`);
    }
    return paths;
  }

  /** The pid of the only request that sleeps. */
  pidOfClient(): number {
    const clients = JSON.parse(this.cat('control/tasks')).filter(
      (task: { kind: string }) => task.kind === 'client',
    );
    return clients[0]?.pid;
  }

  find(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of this.#absolute(path).split('/').filter(Boolean)) {
      node = node?.kind === 'directory' ? node.lookup(name) : undefined;
    }
    return node;
  }

  /** Opens a file: a path at the top of the tree, or below the livepatch directory. */
  open(path: string, flags: number): OpenFile {
    return this.file(path).open(flags, this.#caller);
  }

  file(path: string): File {
    const node = this.find(path);
    if (!node) throw new KernelError('ENOENT', path);
    if (node.kind !== 'file') throw new KernelError('EISDIR', path);
    return node;
  }

  /** Lets an adopted process do what is done meanwhile. */
  as<T>(pid: number, act: () => T): T {
    this.#caller = { pid, uid: 0, gid: 0 };
    try {
      return act();
    } finally {
      this.#caller = undefined;
    }
  }

  #caller: Caller | undefined;

  #start<T>(context: Context<T>, settled: (outcome: Outcome<T>) => void): Task {
    const task = this.#caller && findAdopted(this.kernel, this.#caller.pid);
    return task === undefined
      ? startRequest(this.kernel, context, settled)
      : startRequestIn(this.kernel, task, context, settled);
  }

  /** Starts a read that need not end now; the box is filled when it does. */
  startRead(path: string): { answer: string; readonly interrupt: () => void } {
    const answer = this.open(path, 0).read(0, 1 << 20);
    if (!isContext(answer)) throw new Error(`${path} does not block`);
    const box = { answer: 'pending', interrupt: () => interruptRequest(this.kernel, task) };
    const task = this.#start(answer, (outcome) => {
      box.answer = this.attempt(() => {
        if ('error' in outcome) throw outcome.error;
        return decodeUtf8(outcome.value).replace(/\n$/, '');
      });
    });
    this.advance(0);
    return box;
  }

  /** Starts a write that need not end now; the box is filled when it does. */
  startWrite(text: string, path: string): { answer: string } {
    const box = { answer: 'pending' };
    const answer = this.open(path, O_WRONLY).write(0, encodeUtf8(text));
    if (!isContext(answer)) return { answer: 'ok' };
    this.#start(answer, (outcome) => {
      box.answer = this.attempt(() => {
        if ('error' in outcome) throw outcome.error;
        return 'ok';
      });
    });
    this.advance(0);
    return box;
  }

  /** One write, with `between` called at every point where the engine lets others run. */
  startWriteStepwise(text: string, path: string, between: () => void): string {
    const answer = this.open(path, O_WRONLY).write(0, encodeUtf8(text));
    if (!isContext(answer)) return 'ok';
    const settled: Outcome<number>[] = [];
    this.#start(answer, (outcome) => settled.push(outcome));
    while (settled.length === 0 && hasWork(this.kernel)) {
      runMachine(this.kernel, this.kernel.clock.nowNs, () => true);
      between();
    }
    return this.attempt(() => {
      const [outcome] = settled;
      if (outcome && 'error' in outcome) throw outcome.error;
      return outcome ? 'ok' : 'pending';
    });
  }

  /** Runs an answer to its end without moving time. */
  finish<T>(answer: Answer<T>): T {
    if (!isContext(answer)) return answer;
    const settled: Outcome<T>[] = [];
    this.#start(answer, (outcome) => settled.push(outcome));
    while (settled.length === 0 && hasWork(this.kernel)) this.advance(0);
    const [outcome] = settled;
    if (!outcome) throw new Error('the request blocks; use startWrite()');
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  attempt(operation: () => string): string {
    try {
      return operation();
    } catch (error) {
      if (error instanceof KernelError) return error.code;
      throw error;
    }
  }

  #absolute(path: string): string {
    return /^(sys|proc|dev|control|run)(\/|$)/.test(path) ? path : `${LIVEPATCH}/${path}`;
  }
}
