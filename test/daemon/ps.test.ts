/**
 * procps and shells on the processes of a mounted machine.
 *
 * The machine's /proc is bound over the host's. ps looks for its own process there: as the first
 * process of a pid namespace it finds the machine's init.
 */
import { expect, test } from 'vitest';
import { cmdlinePatch } from '../support/modules.ts';
import { byTransport } from '../support/transport.ts';
import { type Mounted, mountMachine } from './mounted.ts';

/** On 6.1 a kworker is idle; kthreadd and init have their pids. */
const MACHINE = `
release: "6.1"
cpus: 2
symbols: {vmlinux: [cmdline_proc_show, do_wait, kthreadd, worker_thread, kthread, schedule]}
tasks:
  - {comm: init, pid: 1, cpu: 0, program: [{sleep_in: [do_wait, schedule]}]}
  - {comm: kthreadd, pid: 2, cpu: 0, kthread: true, program: [{sleep_in: [kthreadd, schedule]}]}
  - {comm: reader, pid: 1234, cpu: 1, program: [{sleep_in: [cmdline_proc_show, schedule]}]}
`;

async function outputOf({ sh }: Mounted, command: string): Promise<string[]> {
  const inside = `mount --bind $M/proc /proc && exec ${command}`;
  const { output, errors } = await sh(
    `unshare --mount --pid --fork --propagation private bash -c '${inside}'`,
  );
  expect(errors).toBe('');
  return output.trimEnd().split('\n');
}

test('ps -e: every task of the machine', async () => {
  const lines = await outputOf(await mountMachine(MACHINE), 'ps -e');
  expect(lines.map((line) => line.trim().replace(/ +/g, ' '))).toEqual([
    'PID TTY TIME CMD',
    '1 ? 00:00:00 init',
    '2 ? 00:00:00 kthreadd',
    '3 ? 00:00:00 kworker/0:0',
    '4 ? 00:00:00 kworker/0:1',
    '5 ? 00:00:00 kworker/1:0',
    '6 ? 00:00:00 kworker/1:1',
    '1234 ? 00:00:00 reader',
  ]);
});

test('ps -ef: parents, when the machine was booted, kthreads in brackets', async () => {
  const lines = await outputOf(await mountMachine(MACHINE), 'ps -ef');
  const fields = lines.map((line) => line.trim().split(/ +/));
  expect(fields.slice(1).map(([uid, pid, ppid]) => [uid, pid, ppid].join(' '))).toEqual([
    'root 1 0',
    'root 2 0',
    'root 3 2',
    'root 4 2',
    'root 5 2',
    'root 6 2',
    'root 1234 1',
  ]);
  expect(fields.slice(1).map(([, , , , start]) => start)).toEqual(
    Array(7).fill(expect.stringMatching(/^\d\d:\d\d$/)),
  );
  expect(lines[2]).toMatch(/ \[kthreadd\]$/);
  expect(lines[7]).toMatch(/ reader$/);
});

test('ps aux and ps -o: states, no memory, where tasks sleep, on which cpu', async () => {
  const mounted = await mountMachine(MACHINE);
  const [, init] = await outputOf(mounted, 'ps aux');
  expect(init).toMatch(/^root +1 +0\.0 +0\.0 +0 +0 \? +Ss .* init$/);
  const lines = await outputOf(mounted, 'ps -eo pid,stat,wchan:20,psr,nlwp,comm');
  expect(lines.slice(1).map((line) => line.trim().replace(/ +/g, ' '))).toEqual([
    '1 Ss do_wait 0 1 init',
    '2 S kthreadd 0 1 kthreadd',
    '3 I worker_thread 0 1 kworker/0:0',
    '4 I worker_thread 0 1 kworker/0:1',
    '5 I worker_thread 1 1 kworker/1:0',
    '6 I worker_thread 1 1 kworker/1:1',
    '1234 Ss cmdline_proc_show 1 1 reader',
  ]);
});

test('pgrep finds by name, argument and parent, without a pid namespace, too', async () => {
  const mounted = await mountMachine(MACHINE);
  expect(await outputOf(mounted, 'pgrep -l kwork')).toHaveLength(4);
  expect(await outputOf(mounted, 'pgrep -a -f eader')).toEqual(['1234 reader']);
  expect(await outputOf(mounted, 'pgrep -P 1')).toEqual(['1234']);
  const { output } = await mounted.sh(
    `unshare --mount --propagation private bash -c 'mount --bind $M/proc /proc && pgrep -x reader'`,
  );
  expect(output).toBe('1234\n');
});

test('uptime and top read the machine', async () => {
  const mounted = await mountMachine(MACHINE);
  const [uptime] = await outputOf(mounted, 'uptime');
  expect(uptime).toMatch(/ up 0 min, .* load average: 0\.00, 0\.00, 0\.00$/);
  expect((await outputOf(mounted, 'top -b -n 1'))[1]).toMatch(/^Tasks: +7 total/);
});

test('a loop over patch_state finds the task that holds a transition up, and its stack', async () => {
  const { sh } = await mountMachine(MACHINE, [cmdlinePatch('fix')]);
  const script = `
    echo fix > $M/control/insmod; sleep 1.5
    for state in $M/proc/*/task/*/patch_state; do
      [ "$(cat $state)" = 0 ] || continue
      task=\${state%/patch_state}
      echo "\${task##*/} $(cat $task/comm) $(cat $task/wchan) $(head -1 $task/stack)"
    done
    cat $K/fix/transition; echo 1234 > $M/control/wake; sleep 1.5
    cat $K/fix/transition $M/proc/*/task/*/patch_state | sort | uniq -c`;
  const { output, errors } = await sh(script);
  expect(errors).toBe('');
  const lines = output.trimEnd().split('\n');
  expect(lines.slice(0, 2)).toEqual([
    '1234 reader cmdline_proc_show [<0>] cmdline_proc_show+0x20/0x40',
    '1',
  ]);
  expect(lines.slice(2).map((line) => line.trim())).toEqual(['7 -1', '1 0']);
});

test('a task is renamed by its own threads alone, or by anybody: a limit of fuse-native', async () => {
  const mounted = await mountMachine(MACHINE);
  const [before] = await outputOf(mounted, 'ps -p 1234 -o comm=');

  const { errors } = await mounted.sh('echo renamed > $M/proc/1234/comm');

  expect(errors).toMatch(byTransport({ devfuse: /Invalid argument/, 'fuse-native': /^$/ }));
  const after = byTransport({ devfuse: before, 'fuse-native': 'renamed' });
  expect(await outputOf(mounted, 'ps -p 1234 -o comm=')).toEqual([after]);
});

const FAMILY = `
cpus: 1
symbols: {vmlinux: [futex_wait_queue_me, schedule]}
tasks:
  - {comm: init, pid: 1, program: [{sleep_in: [schedule]}]}
  - comm: server
    pid: 1000
    program: [{fork: {comm: brief, program: [{exit: 0}]}}, {sleep_in: [schedule]}]
    threads: [{comm: pool, pid: 1001, program: [{sleep_in: [futex_wait_queue_me, schedule]}]}]
`;

test('ps shows threads with their process, and zombies with their parent', async () => {
  const mounted = await mountMachine(FAMILY);
  const rows = async (options: string) =>
    (await outputOf(mounted, `ps ${options}`)).map((line) => line.trim().replace(/ +/g, ' '));
  expect(await rows('-L -p 1000 -o pid=,lwp=,nlwp=,wchan:20=,comm=')).toEqual([
    '1000 1000 2 - server',
    '1000 1001 2 futex_wait_queue_me pool',
  ]);
  expect(await rows('--ppid 1000 -o ppid=,sid=,stat=,args=')).toEqual([
    '1000 1000 Z [brief] <defunct>',
  ]);
  await mounted.sh('echo KILL 1001 > $M/control/kill');
  expect(await rows('-N --ppid 2 -p 2 -o comm=')).toEqual(['init']);
});
