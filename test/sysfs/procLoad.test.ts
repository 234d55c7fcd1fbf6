/** What /proc says of the machine as a whole, and of whoever reads it. */
import { expect, test } from 'vitest';
import { Machine } from '../support/machine.ts';
import { aTask } from '../support/tasks.ts';

const busy = aTask({ comm: 'busy', program: [{ kind: 'compute', durationNs: 1e12 }] });

/** Two cpus with four kworkers, and two processes that want the first cpu. */
function machineOfTwo(): Machine {
  const machine = new Machine({ cpus: 2, tasks: [busy, busy] });
  machine.advance(1234);
  return machine;
}

test('stat: idle cpus, when it was booted, how many tasks there are and run', () => {
  expect(machineOfTwo().cat('proc/stat')).toBe(
    `cpu  0 0 0 246 0 0 0 0 0 0
cpu0 0 0 0 123 0 0 0 0 0 0
cpu1 0 0 0 123 0 0 0 0 0 0
intr 0
ctxt 0
btime 1700000000
processes 6
procs_running 3
procs_blocked 0
softirq 0 0 0 0 0 0 0 0 0 0 0`,
  );
});

test('loadavg: who runs, of how many, and the last pid', () => {
  expect(machineOfTwo().cat('proc/loadavg')).toBe('0.00 0.00 0.00 3/7 301');
});

test('cpuinfo: a block for each cpu', () => {
  expect(machineOfTwo().cat('proc/cpuinfo')).toBe(
    [0, 1]
      .map(
        (id) =>
          `processor\t: ${id}\nphysical id\t: 0\nsiblings\t: 2\ncore id\t\t: ${id}\ncpu cores\t: 2\n`,
      )
      .join('\n'),
  );
});

test('a cpu that is offline is in neither stat nor cpuinfo', () => {
  const machine = machineOfTwo();
  expect(machine.write('1 off', 'control/cpu')).toBe('ok');
  expect(machine.cat('proc/stat')).toMatch(/^cpu {2}0 0 0 123 .*\ncpu0 .*\nintr /);
  expect(machine.cat('proc/cpuinfo')).toBe(
    'processor\t: 0\nphysical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\n',
  );
  expect(machine.cat('proc/5/status')).toContain('State:\tI (idle)');
});

test('pid_max is raised where there are more tasks', () => {
  expect(machineOfTwo().cat('proc/sys/kernel/pid_max')).toBe('32768');
  const crowd = Array.from({ length: 33_000 }, () => aTask({ program: [{ kind: 'exit' }] }));
  expect(new Machine({ tasks: crowd }).cat('proc/sys/kernel/pid_max')).toBe('4194304');
});

test('self: the process behind the request, another one each time', () => {
  const machine = new Machine();
  expect(machine.ls('proc/self')).toEqual([
    'task',
    'status',
    'comm',
    'cmdline',
    'stat',
    'wchan',
    'stack',
    'patch_state',
  ]);
  expect(machine.cat('proc/self/stat')).toMatch(/^300 \(klpfs-client\) R 1 300 300 /);
  expect(machine.cat('proc/self/status')).toMatch(/^Name:\tklpfs-client\n/);
  expect(machine.cat('proc/self/stat')).toMatch(/^302 /);
  expect(machine.ls('proc')).not.toContain('302');
  expect(machine.ls('proc')).not.toContain('self');
});
