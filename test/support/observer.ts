/** Sees everything that user space could see of a machine, but for the log, times and taint. */
import type { Machine } from './machine.ts';

/** Counters, and what belongs to processes that come and go: those behind requests, kworkers. */
const FLEETING = /^proc\/(uptime|loadavg|stat|self|\d+\/task\/.*)$|^dev\/|^control\/|\/trace_pipe$/;
const TAINT = /^proc\/sys\/kernel\/tainted$/;

/** Every file and directory: its mode, its links, its text; of processes only those named. */
export function observe(machine: Machine, processes: readonly string[]): Map<string, string> {
  const seen = new Map<string, string>();
  const visit = (path: string) => {
    const node = machine.find(path);
    if (!node || FLEETING.test(path) || TAINT.test(path)) return;
    const { mode, nlink, sizeBytes, uid, gid } = node.attributes();
    const readable = node.kind === 'file' && mode & 0o400;
    const text = readable ? machine.cat(path) : '';
    seen.set(path, [mode.toString(8), nlink, sizeBytes, uid, gid, text].join(' '));
    if (node.kind !== 'directory') return;
    for (const [name] of node.list()) {
      const isOtherProcess = path === 'proc' && /^\d/.test(name) && !processes.includes(name);
      if (!isOtherProcess) visit(`${path}/${name}`);
    }
  };
  for (const top of ['sys', 'proc']) visit(top);
  return seen;
}
