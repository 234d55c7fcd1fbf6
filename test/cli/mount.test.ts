/** `klpfs mount` and `klpfs umount`: what they answer, what they leave behind. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { awaitReport } from '../../src/cli/background.ts';
import { createFolder, startMachine, until, watch } from './klpfs.ts';

const TWINS = `
release: 6.1
tasks:
  - {comm: a, pid: 5, program: [{sleep_in: [vfs_read], for: -1s}]}
`;

const UNKNOWN_FUNCTION = `
module: fix
livepatch: true
objects: [{name: vmlinux, funcs: [{old_name: no_such_function}]}]
`;

// biome-ignore format: the columns are the point
test.each([
  // command                              status  message
  ['mount',                               1,      "missing required argument 'dir'"],
  ['mount a b',                           1,      'too many arguments'],
  ['mount empty --speed fast',            1,      "argument 'fast' is invalid. It must be a number"],
  ['mount empty --speed 0',               1,      'speed: must be a number above 0'],
  ['mount empty --cpus 65',               1,      'cpus: must be an integer from 1 to 64'],
  ['mount empty --release 5.0',           1,      'Allowed choices are 4.15, 6.1'],
  ['mount empty --log-level loud',        1,      'Allowed choices are trace, debug'],
  ['mount empty --machine nowhere.yaml',  1,      'nowhere.yaml: No such file or directory'],
  ['mount empty --machine empty',         1,      'empty: Is a directory'],
  ['mount empty --log-file file/log',     2,      'the log file/log cannot be written: Not a directory'],
  ['mount nowhere',                       32,     'nowhere does not exist'],
  ['mount file',                          32,     'file is not a directory'],
  ['mount full',                          32,     'full is not empty'],
  ['mount -f full',                       32,     'full is not empty'],
  ['umount a b',                          1,      'too many arguments'],
  ['umount empty',                        32,     'empty is no klpfs mount'],
  ['umount /',                            32,     '/ is no klpfs mount'],
  ['umount nowhere',                      32,     'nowhere: No such file or directory'],
])('%s: exit code %d, %s', async (command, status, message) => {
  const { sh } = await createFolder();
  const [name] = command.split(' ');

  const ended = await sh(`mkdir -p empty full/inner; touch file; klpfs ${command}`);
  expect(ended).toMatchObject({ status, output: '' });
  expect(ended.errors).toMatch(new RegExp(`^klpfs ${name}: [^\n]*\n$`));
  expect(ended.errors).toContain(message);
  expect((await sh('ls empty; grep " $T/" /proc/self/mountinfo')).output).toBe('');
});

test('what is wrong with a machine description is printed a line each, and nothing is mounted', async () => {
  const { sh, write } = await createFolder();
  await write('m.yaml', TWINS);

  const ended = await sh('mkdir mnt; klpfs mount mnt --machine m.yaml');
  expect(ended).toMatchObject({ status: 1, output: '' });
  const lines = ended.errors.trim().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^m\.yaml:2:10: release: must be a string/);
  expect(lines[1]).toMatch(/^m\.yaml:4:\d+: .*-1s is negative/);
  expect((await sh('grep " $T/" /proc/self/mountinfo')).output).toBe('');
  expect(await sh('klpfs machine check m.yaml')).toEqual(ended);
});

// biome-ignore format: the columns are the point
test.each<[what: string, manifest: string, status: number, message: string]>([
  // what                       manifest                 status  message
  ['is not there',              '',                      1,      'klpfs mount: $T/fix.yaml: No such file or directory'],
  ['is no YAML',                'module: [',             1,      '$T/fix.yaml:1:10: '],
  ['is refused by the kernel',  UNKNOWN_FUNCTION,        32,     'klpfs mount: .*no_such_function.* (EINVAL)'],
])('a manifest to load that %s stops the machine', async (_, manifest, status, message) => {
  const { path, sh, write } = await createFolder();
  await write('m.yaml', 'load: [fix.yaml]');
  if (manifest !== '') await write('fix.yaml', manifest);

  const ended = await sh('mkdir mnt; klpfs mount mnt --machine m.yaml');
  expect(ended).toMatchObject({ status, output: '' });
  const [start = '', end = ''] = message.replace('$T', path).split('.*no_such_function.*');
  expect(ended.errors.startsWith(start)).toBe(true);
  expect(ended.errors).toContain(end);
  expect((await sh('grep " $T/" /proc/self/mountinfo')).output).toBe('');
});

test('a machine description may come from standard input, or from a pipe', async () => {
  const folder = await createFolder();
  const script = `mkdir mnt; echo 'cpus: 3' | klpfs mount mnt --machine - && klpfs status --mount mnt --json | grep cpus
    klpfs umount mnt; klpfs mount mnt --machine <(echo 'cpus: 5') && klpfs status --mount mnt --json | grep cpus
    klpfs umount mnt; echo 'cpus: 0' | klpfs mount mnt --machine -`;
  expect(await folder.sh(script)).toEqual({
    status: 1,
    output: '  "cpus": 3,\n  "cpus": 5,\n',
    errors: 'standard input:1:7: cpus: must be an integer from 1 to 64\n',
  });
});

test('an ordinary user is root in a machine of his own', async () => {
  const folder = await createFolder();
  // A /dev/fuse that everybody may open, as distributions have it, in a mount namespace. The
  // capability lets him read klpfs itself wherever it lies; it does not help with writing.
  const script = `
    mkdir mnt state; chown 65534:65534 mnt state; chmod 755 .; mknod -m 666 fuse c 10 229
    cat > session <<'SESSION'
      cd /; export XDG_STATE_HOME=$T/state
      klpfs mount $T/mnt --cpus 1 && cd $T/mnt && klpfs insmod livepatch-sample && klpfs status --mount .
      cd sys/kernel/livepatch/livepatch_sample; echo 0 > enabled; cat enabled; echo 1 > transition
      stat -c '%u %g %A' enabled; cd /; klpfs umount $T/mnt
SESSION
    unshare -m bash -c 'mount --bind fuse /dev/fuse && exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search bash $T/session'`;
  const { output, errors, status } = await folder.sh(script);
  expect(output).toContain('patch livepatch_sample: enabled, module refcnt 1');
  expect(output).toMatch(/^0\n65534 65534 -rw-r--r--$/m);
  expect(errors).toMatch(/transition: Permission denied\n$/);
  expect(status).toBe(0);
});

test('options win over the machine description', async () => {
  const { sh } = await startMachine('--machine m.yaml --release 6.1 --cpus 3 --clock manual', {
    'm.yaml': 'release: "4.15"\ncpus: 1\nspeed: 2\n',
  });

  expect(JSON.parse((await sh('cat mnt/control/machine')).output)).toMatchObject({
    release: '6.1',
    cpus: 3,
    clock: 'manual',
    speed: 2,
  });
});

test('in the background it returns when the mount answers, in $(...) and with open descriptors too', async () => {
  const { path, sh } = await createFolder();

  const startMs = performance.now();
  const ended = await sh(
    'mkdir mnt; x=$(klpfs mount mnt 7>&1 63>&1); cat mnt/proc/modules; echo "<$x>"',
  );
  expect(ended).toEqual({ status: 0, output: '<>\n', errors: '' });
  expect(performance.now() - startMs).toBeLessThan(5000);

  const log = await readFile(`${path}/state/klpfs/${path.slice(1).replaceAll('/', '-')}-mnt.log`);
  const { pid, mount, msg } = JSON.parse(log.toString().split('\n')[0] ?? '');
  expect({ mount, msg }).toEqual({ mount: `${path}/mnt`, msg: 'mounted' });
  expect((await sh(`readlink /proc/${pid}/cwd /proc/${pid}/fd/0`)).output).toBe('/\n/dev/null\n');
});

test('on a terminal it says where it is mounted, and where the log is', async () => {
  const { path, sh } = await createFolder();

  const { output } = await sh(
    'mkdir mnt; script -qefc "klpfs mount mnt --log-file log" typescript',
  );
  expect(output).toBe(`mounted on ${path}/mnt, log in log\r\n`);
  expect((await sh('klpfs status --mount mnt | head -1')).output).toBe(`machine on ${path}/mnt\n`);
  expect((await sh('klpfs umount mnt; cut -d, -f1 log | sort -u')).output).toBe('{"level":30\n');
});

test('a second machine on the same directory is refused, the first goes on', async () => {
  const { mount, sh } = await startMachine();

  expect(await sh('klpfs mount mnt')).toEqual({
    status: 32,
    output: '',
    errors: `klpfs mount: a machine is already mounted on ${mount}\n`,
  });
  expect((await sh('klpfs status')).status).toBe(0);
});

test('a busy mount is not unmounted unless lazily, and who holds it is named', async () => {
  const { mount, sh, start } = await startMachine();
  const holder = start('cd mnt; read');
  await until(async () => (await sh('klpfs umount mnt')).status === 32);

  expect(await sh('klpfs umount')).toEqual({
    status: 32,
    output: '',
    errors: `klpfs umount: ${mount} is busy: bash (pid ${holder.pid}, cwd)\n`,
  });
  expect(await sh('klpfs umount --lazy')).toEqual({ status: 0, output: '', errors: '' });
  expect((await sh('ls mnt; klpfs mount mnt')).status).toBe(0);
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a machine in the foreground', async (signal) => {
  const { sh, start } = await createFolder();
  const machine = start('mkdir mnt; exec klpfs mount -f mnt');
  const ended = watch(machine).ended;
  await until(async () => (await sh('test -e mnt/control/machine')).status === 0);

  machine.kill(signal);
  const { status, output, errors } = await ended;
  expect({ status, output }).toEqual({ status: 0, output: '' });
  const messages = errors.trim().split('\n');
  expect(messages.map((line) => JSON.parse(line).msg)).toEqual(['mounted', 'unmounting', 'closed']);
  expect((await sh('ls mnt; rmdir mnt')).status).toBe(0);
});

test('a second signal unmounts what is busy', async () => {
  const { sh, start } = await createFolder();
  const machine = start('mkdir mnt; exec klpfs mount -f mnt --log-file log');
  const ended = watch(machine).ended;
  await until(async () => (await sh('test -e mnt/control/machine')).status === 0);
  const holder = start('cd mnt; exec sleep 60');
  await until(async () => (await sh('klpfs umount mnt')).status === 32);

  machine.kill('SIGINT');
  await until(async () => (await sh('grep -q "a second signal forces it" log')).status === 0);
  expect((await sh('klpfs status --mount mnt')).status).toBe(0);
  machine.kill('SIGINT');
  await until(async () => (await sh('! grep -q " $T/mnt " /proc/self/mountinfo')).status === 0);
  holder.kill('SIGKILL');
  expect(await ended).toMatchObject({ status: 0, errors: '' });
});

test('clients that wait for an answer end when the daemon is killed', async () => {
  const { sh } = await startMachine();
  const kill = 'kill -9 $(grep -o \'"pid":[0-9]*\' state/klpfs/*.log | head -1 | cut -d: -f2)';

  const { output, errors } = await sh(`
    for i in {1..8}; do (cat mnt/dev/kmsg; echo ended) >>out & done
    sleep 0.5; ${kill}; wait; grep -c ended out`);

  expect(output).toBe('8\n');
  expect(errors).toMatch(/Software caused connection abort|not connected/);
});

test('a daemon that was killed leaves a directory that can be mounted at once', async () => {
  const { sh } = await startMachine();
  const kill = 'kill -9 $(grep -o \'"pid":[0-9]*\' state/klpfs/*.log | head -1 | cut -d: -f2)';

  expect(
    await sh(`${kill}; klpfs mount mnt && klpfs status --mount mnt >/dev/null && klpfs umount mnt`),
  ).toEqual({ status: 0, output: '', errors: '' });
});

test('a dead machine can be unmounted', async () => {
  const { sh } = await startMachine();
  const kill = 'kill -9 $(grep -o \'"pid":[0-9]*\' state/klpfs/*.log | head -1 | cut -d: -f2)';

  expect(await sh(`${kill}; sleep 0.2; klpfs umount mnt && rmdir mnt`)).toEqual({
    status: 0,
    output: '',
    errors: '',
  });
});

test('a daemon that does not answer is ended, one that ends is reported', async () => {
  const silent = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  await expect(awaitReport(silent, 200)).rejects.toMatchObject({
    message: 'the mount did not answer within 0.2 s',
    exitCode: 32,
  });
  expect(silent.signalCode).toBe('SIGTERM');

  const failing = spawn('sh', ['-c', 'exit 3'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  await expect(awaitReport(failing, 5000)).rejects.toMatchObject({
    message: 'the daemon ended before the mount answered: exit code 3',
    exitCode: 32,
  });
});
