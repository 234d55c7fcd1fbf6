/**
 * /proc: what the machine shows of itself, and its tasks.
 *
 * Source: fs/proc/root.c, kernel/module.c:m_show(), kernel/kallsyms.c:s_show().
 */
import { callThrough } from '../engine/call.ts';
import { setFtraceEnabled } from '../engine/ftrace/ftrace.ts';
import { type Code, formatAddress, lookupName, type SeqFile } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import { initBytes, type Module } from '../engine/module/model.ts';
import type { Context } from '../engine/sched/context.ts';
import { isLeader } from '../engine/sched/family.ts';
import { listByPid } from '../engine/sched/pass.ts';
import { findTask, kindOf, pidOf, runStateOf, type Task } from '../engine/sched/task.ts';
import { dataSymbolsOf, readPathOf } from '../engine/vmlinux.ts';
import { isCapable } from './caller.ts';
import { fixedDirectory, joinDirectories, listedDirectory } from './directory.ts';
import { procDynamicDebug } from './dynamicDebug.ts';
import type { Tree } from './inode.ts';
import type { Directory, File, Node } from './node.ts';
import { procFile } from './procFile.ts';
import { showCpuinfo, showLoadAverage, showMachineStat, showPidMax } from './procLoad.ts';
import { selfDirectory } from './procSelf.ts';
import { pidNamed, processDirectory, processEntry } from './procTask.ts';
import { parseSysctl } from './sysctl.ts';

export function procDirectory(tree: Tree): Directory {
  const { kernel } = tree;
  const file = (mode: number, show: (running: Kernel) => string) =>
    procFile(tree, { mode, show: () => show(kernel) });
  const called = (name: string) =>
    procFile(tree, { mode: 0o444, show: () => callShow(kernel, name) });

  const files = fixedDirectory(tree, 0o555, {
    cmdline: called('cmdline_proc_show'),
    cpuinfo: file(0o444, showCpuinfo),
    ...procDynamicDebug(tree),
    filesystems: file(0o444, () => FILESYSTEMS),
    kallsyms: withAddresses(tree, showKallsyms),
    loadavg: file(0o444, showLoadAverage),
    meminfo: called('meminfo_proc_show'),
    modules: withAddresses(tree, showModules),
    stat: file(0o444, showMachineStat),
    sys: fixedDirectory(tree, 0o555, {
      kernel: fixedDirectory(tree, 0o555, {
        ftrace_enabled: procFile(tree, {
          mode: 0o644,
          show: () => `${kernel.ftrace.enabled}\n`,
          store: (input) => setFtraceEnabled(kernel, parseSysctl(input)),
        }),
        pid_max: file(0o644, showPidMax),
        printk: procFile(tree, {
          mode: 0o644,
          show: () => `${Object.values(kernel.log.console).join('\t')}\n`,
          store: (input) => setConsoleLevels(kernel, input),
        }),
        tainted: file(0o644, ({ modules }) => `${modules.taintMask}\n`),
      }),
    }),
    uptime: called('uptime_proc_show'),
    version: called('version_proc_show'),
  });
  const directory = joinDirectories(
    joinDirectories(files, moduleFiles(tree)),
    tasksDirectory(tree),
  );
  // A process more or less is a link more or less.
  return { ...directory, revalidated: true };
}

/** As many of them as are written, from the first. Source: kernel/sysctl.c:proc_dointvec(). */
function setConsoleLevels({ log }: Kernel, input: string): void {
  const names = [
    'consoleLoglevel',
    'defaultMessageLoglevel',
    'minimumConsoleLoglevel',
    'defaultConsoleLoglevel',
  ] as const;
  const words = input.trim().split(/\s+/);
  const values = names
    .slice(0, words.length)
    .map((name, index) => [name, parseSysctl(words[index] ?? '')] as const);
  for (const [name, value] of values) log.console[name] = value;
}

const FILESYSTEMS = ['sysfs', 'proc', 'tmpfs', 'debugfs', 'tracefs']
  .map((name) => `nodev\t${name}\n`)
  .join('');

/** Those that modules have made; each keeps its node for as long as it is there. */
function moduleFiles(tree: Tree): Directory {
  const { kernel } = tree;
  const known = new WeakMap<Code, File>();
  const lookup = (name: string): File | undefined => {
    const code = kernel.procEntries.get(name);
    if (!code) return undefined;
    const file: File = known.get(code) ?? {
      ...procFile(tree, { mode: 0o444, show: () => call(kernel, code) }),
      revalidated: true,
    };
    known.set(code, file);
    return file;
  };
  return listedDirectory(tree, 0o555, {
    lookup,
    *list() {
      for (const name of kernel.procEntries.keys()) {
        const file = lookup(name);
        if (file) yield [name, file];
      }
    },
    directories: () => 0,
  });
}

/** Calls the function that shows a file as read(2) does, by way of ftrace, so that a livepatch is seen. */
function callShow(kernel: Kernel, name: string): Context<string> {
  const code = lookupName(kernel.kallsyms, name);
  if (!code) throw new Error(`klpfs bug: vmlinux has no ${name}`);
  return call(kernel, code);
}

function* call(kernel: Kernel, code: Code): Context<string> {
  const seq: SeqFile = { text: '' };
  yield* callThrough(kernel, readPathOf(kernel.config.release), code, { seq });
  return seq.text;
}

/**
 * `self` is found, but not listed: it is none of the processes that the machine has. So are threads
 * beside the first of their process, as on Linux.
 */
function tasksDirectory(tree: Tree): Directory {
  const { kernel, host } = tree;
  const self = selfDirectory(tree);
  return listedDirectory(tree, 0o555, {
    lookup: (name): Node | undefined => {
      if (name === 'self') return self;
      const pid = pidNamed(name);
      if (pid === undefined) return undefined;
      host.update(pid);
      const task = findTask(kernel.tasks, pid);
      return task !== undefined && isShown(kernel, task) ? processDirectory(tree, task) : undefined;
    },
    *list() {
      host.updateAll();
      for (const task of listShownTasks(kernel)) {
        if (isLeader(kernel.tasks, task)) yield processEntry(pidOf(kernel.tasks, task));
      }
    },
    directories: () => countShownProcesses(kernel),
  });
}

/** The process behind a request is a task like others once it sleeps; before, nobody sees it. */
function isShown({ tasks }: Kernel, task: Task): boolean {
  return kindOf(tasks, task) !== 'client' || runStateOf(tasks, task) !== 'runnable';
}

/** By pid. */
export function* listShownTasks(kernel: Kernel): Generator<Task, void> {
  for (const task of listByPid(kernel.tasks)) if (isShown(kernel, task)) yield task;
}

/** Clients run a context each, and are few. Source: fs/proc/root.c:proc_root_getattr(). */
function countShownProcesses(kernel: Kernel): number {
  const { byPid, family } = kernel.tasks;
  const hidden = [...kernel.threads.keys()].filter((task) => !isShown(kernel, task));
  return byPid.size - family.threadCount - hidden.length;
}

/** How an address looks, given as an offset. */
type AddressFormat = typeof formatAddress;

const hideAddress: AddressFormat = () => '0'.repeat(16);

/**
 * A file whose addresses are zeros for most: kptr_restrict is 0 and perf_event_paranoid 2, as they
 * are without anybody's doing.
 *
 * Source: kernel/kallsyms.c:kallsyms_show_value(), asked when a file is opened.
 */
function withAddresses(tree: Tree, show: (kernel: Kernel, format: AddressFormat) => string): File {
  return procFile(tree, {
    mode: 0o444,
    show: (caller) => show(tree.kernel, isCapable(tree, caller) ? formatAddress : hideAddress),
  });
}

/** The newest first. */
function showModules(kernel: Kernel, format: AddressFormat): string {
  return [...kernel.modules.loaded.values()]
    .reverse()
    .map((module) => {
      const users = module.usedBy.map((user) => `${user.name},`);
      const { name, references, offset } = module;
      const sizeBytes = module.sizeBytes + initBytes(module);
      const flags = `${module.taints}${STATE_FLAG[module.state]}`;
      return `${name} ${sizeBytes} ${references} ${users.join('') || '-'} ${stateWord(module)} 0x${format(offset)}${flags && ` (${flags})`}\n`;
    })
    .join('');
}

/** Source: kernel/module/main.c:module_flags(). */
const STATE_FLAG = { coming: '+', live: '', going: '-', unformed: '' } as const;

function stateWord({ state }: Module): string {
  return { coming: 'Loading', live: 'Live', going: 'Unloading', unformed: 'Unformed' }[state];
}

function showKallsyms({ kallsyms, config }: Kernel, format: AddressFormat): string {
  const lines: string[] = [];
  for (const [module, { codes }] of kallsyms.objects) {
    for (const { offset, name } of codes) {
      lines.push(`${format(offset)} t ${name}${module ? `\t[${module.name}]` : ''}\n`);
    }
    if (module) continue;
    for (const { offset, name } of dataSymbolsOf(config.release)) {
      lines.push(`${format(offset)} d ${name}\n`);
    }
  }
  return lines.join('');
}
