/** Who keeps a mount busy, as fuser(1) finds it: by the links of /proc, without touching the mount. */
import { readdir, readFile, readlink } from 'node:fs/promises';

/** A process that uses a mount, and with what: `cwd`, `root`, `exe` or `fd/7`. */
export interface Holder {
  readonly pid: number;
  readonly comm: string;
  readonly uses: readonly string[];
}

/** However many processes there are, the answer comes soon; it may then be incomplete. */
const SCAN_MS = 2000;

/** Processes that hold something at or below a directory; only those that we are allowed to see. */
export async function findHolders(directory: string): Promise<Holder[]> {
  const untilMs = performance.now() + SCAN_MS;
  const holders: Holder[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    if (performance.now() > untilMs) break;
    const uses = await findUses(name, directory);
    if (uses.length > 0) holders.push({ pid: Number(name), comm: await readComm(name), uses });
  }
  return holders;
}

/** One line for a message: `bash (pid 7, cwd), tail (pid 9, fd/3)`. */
export function describeHolders(holders: readonly Holder[]): string {
  return holders.map(({ comm, pid, uses }) => `${comm} (pid ${pid}, ${uses.join(' ')})`).join(', ');
}

async function findUses(pid: string, directory: string): Promise<string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = ['cwd', 'root', 'exe', ...descriptors.map((fd) => `fd/${fd}`)];
  const held = await Promise.all(
    links.map(async (link) => {
      const target = await readlink(`/proc/${pid}/${link}`).catch(() => '');
      return target === directory || target.startsWith(`${directory}/`);
    }),
  );
  return links.filter((_, index) => held[index]);
}

async function readComm(pid: string): Promise<string> {
  const comm = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?');
  return comm.trimEnd();
}
