/** `klpfs run`: what a command sees, how it ends, and that nothing is left behind. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFolder, type Folder, startMachine, until, watch } from './klpfs.ts';

const BUSY_MACHINE = `
release: "6.1"
load: [livepatch-sample]
`;

/** A folder in whose `tmp` a run puts what it needs. */
async function createRunFolder(): Promise<Folder> {
  const folder = await createFolder();
  await mkdir(join(folder.path, 'tmp'));
  const within = (script: string) => `export TMPDIR=$T/tmp; ${script}`;
  return {
    ...folder,
    sh: (script) => folder.sh(within(script)),
    start: (script) => folder.start(within(script)),
  };
}

/** What is left of runs in a folder: files, mounts, and processes, which all know the folder. */
async function remains({ path }: Folder): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const processes = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(`T=${path}`) ? [`process ${pid}`] : [];
    }),
  );
  return [
    ...(await readdir(join(path, 'tmp'))),
    ...mounts.filter((line) => line.includes(`${path}/`)),
    ...processes.flat(),
  ];
}

// biome-ignore format: the columns are the point
test.each([
  // command                                        status  message
  [`-- sh -c 'exit 7'`,                             7,      ''],
  [`sh -c 'exit 7'`,                                7,      ''],
  [`-- sh -c 'kill -TERM $$'`,                      143,    ''],
  [`-- sh -c 'kill -KILL $$'`,                      137,    ''],
  ['-- no-such-program',                            127,    'no-such-program: command not found'],
  ['-- ./no-such-program',                          127,    './no-such-program: No such file or directory'],
  ['-- ./file',                                     126,    './file: Permission denied'],
  ['-- ./full',                                     126,    './full: Is a directory'],
  ['',                                              125,    "missing required argument 'command'"],
  ['--',                                            125,    "missing required argument 'command'"],
  ['--no-such-option true',                         125,    "unknown option '--no-such-option'"],
  ['--release 5.0 -- true',                         125,    'Allowed choices are 4.15, 6.1'],
  ['--speed fast -- true',                          125,    'It must be a number'],
  ['--speed 0 -- true',                             125,    'speed: must be a number above 0'],
  ['--machine nowhere.yaml -- true',                125,    'nowhere.yaml: No such file or directory'],
  ['--mount nowhere -- true',                       125,    'nowhere: No such file or directory'],
  ['--mount full -- true',                          125,    'full is not empty'],
])('klpfs run %s: exit code %d, %s', async (command, status, message) => {
  const folder = await createRunFolder();

  const ended = await folder.sh(`mkdir -p full/inner; touch file; klpfs run ${command}`);
  expect(ended).toMatchObject({ status, output: '' });
  if (message === '') expect(ended.errors).toBe('');
  else expect(ended.errors).toMatch(/^klpfs run: [^\n]*\n$/);
  expect(ended.errors).toContain(message);
  expect(await remains(folder)).toEqual([]);
});

test("the command sees the machine at Linux's own paths, and nobody else does", async () => {
  const folder = await createRunFolder();
  await folder.write('m.yaml', BUSY_MACHINE);
  await folder.write(
    'look',
    `cd /sys/kernel/livepatch && ls && cat livepatch_sample/enabled
     stat -c '%n %A %s' /sys/kernel/livepatch/livepatch_sample/enabled /dev/kmsg
     cat /proc/cmdline /proc/sys/kernel/tainted /sys/module/livepatch_sample/refcnt
     cut -d' ' -f1-3 /proc/version; grep -c livepatch_sample /proc/kallsyms
     echo 0 > livepatch_sample/enabled; echo 0 > livepatch_sample/enabled; klpfs wait livepatch_sample
     cat /proc/cmdline; ls; echo '<3>here' > /dev/kmsg; klpfs dmesg | tail -1 | cut -d] -f2
     ls -d /sys/kernel/debug/tracing /sys/kernel/tracing; [ -d /sys/kernel/mm ] && ls -d /sys/kernel/mm
     [ -e /sys/kernel/test_klp_syscall ]; echo $?
     grep -c ' - fuse.klpfs ' /proc/$PPID/mountinfo > $T/outside`,
  );

  const { output, errors, status } = await folder.sh(`
    grep -c ' - fuse.klpfs ' /proc/1/mountinfo > before
    klpfs run --machine m.yaml --speed 50 -- bash look`);
  expect(output.split('\n')).toEqual([
    'livepatch_sample',
    '1',
    '/sys/kernel/livepatch/livepatch_sample/enabled -rw-r--r-- 4096',
    expect.stringMatching(/^\/dev\/kmsg -rw-r--r-- /),
    'this has been live patched',
    '45056',
    '1',
    'Linux version 6.1.0',
    expect.stringMatching(/^[1-9]/),
    expect.stringMatching(/^BOOT_IMAGE/),
    ' here',
    '/sys/kernel/debug/tracing',
    '/sys/kernel/tracing',
    '/sys/kernel/mm',
    '1',
    '',
  ]);
  expect(errors).toMatch(/^look: line 5: echo: write error: Invalid argument\n$/);
  expect(status).toBe(0);
  const [before, during] = await Promise.all(
    ['before', 'outside'].map((name) => readFile(join(folder.path, name), 'utf8')),
  );
  expect(Number(during)).toBeLessThanOrEqual(Number(before) + 1);
  expect(await remains(folder)).toEqual([]);
});

test('sysctl(8) reads and writes the machine, with the errors of its own', async () => {
  const folder = await createRunFolder();
  await folder.write('m.yaml', BUSY_MACHINE);

  const ended = await folder.sh(`klpfs run --machine m.yaml -- sh -c '
    sysctl kernel.ftrace_enabled kernel.tainted; sysctl -n kernel.ostype
    sysctl -w kernel.ftrace_enabled=0; echo $?; sysctl -n kernel.ftrace_enabled'`);
  expect(ended).toEqual({
    status: 0,
    output: 'kernel.ftrace_enabled = 1\nkernel.tainted = 45056\nLinux\n1\n1\n',
    errors: 'sysctl: setting key "kernel.ftrace_enabled": Device or resource busy\n',
  });
});

test('input, arguments, directory, environment and open files are those of the caller', async () => {
  const folder = await createRunFolder();

  const ended = await folder.sh(`
    mkdir sub; cd sub; export GREETING=hi
    echo line | klpfs run -- bash -c 'cat; printf "<%s>" "$@"; echo "$GREETING \${PWD#$T}"' sh 'a  b' '' '--verbose'
    klpfs run echo -n --verbose -- x; echo; klpfs run -- cat <(echo from a pipe)
    klpfs run -- sh -c 'ls -l /proc/$$/fd | grep -c /dev/fuse'
    PATH=/usr/bin:$T/bin klpfs run -- bash -c 'echo $PATH; type klpfs; echo $KLPFS_MOUNT' | sed "s,$T/tmp/[^/]*,RUN,g"`);
  expect(ended).toEqual({
    status: 0,
    output: [
      'line',
      '<a  b><><--verbose>hi /sub',
      '--verbose -- x',
      'from a pipe',
      '0',
      `RUN/bin:/usr/bin:${folder.path}/bin:/usr/sbin:/sbin`,
      'klpfs is RUN/bin/klpfs',
      'RUN/machine',
      '',
    ].join('\n'),
    errors: '',
  });
});

test("nobody's startup files are read, and BASH_ENV is the command's", async () => {
  const folder = await createRunFolder();
  await folder.write('.bashrc', 'touch $T/read');

  const ended = await folder.sh(`
    HOME=$T SHLVL=0 BASH_ENV=$T/.bashrc klpfs run -- sh -c 'echo $BASH_ENV'; ls read`);
  expect(ended).toMatchObject({ status: 2, output: `${folder.path}/.bashrc\n` });
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGWINCH'] as const)(
  '%s is passed on to the command, whose end is our end',
  async (signal) => {
    const folder = await createRunFolder();
    await folder.write(
      'command',
      `trap 'echo caught; exit 3' ${signal}; echo ready; sleep 60 & while :; do wait; done`,
    );
    const child = folder.start('exec klpfs run -- bash command');
    const { output, ended } = watch(child);
    await until(() => output() === 'ready\n');

    child.kill(signal);
    expect(await ended).toEqual({ status: 3, output: 'ready\ncaught\n', errors: '' });
    expect(await remains(folder)).toEqual([]);
  },
);

test('what the command leaves in the background ends with it, gently or not', async () => {
  const folder = await createRunFolder();
  await folder.write(
    'stubborn',
    `trap 'echo asked >> $T/log' TERM; echo up >> $T/log; while :; do sleep 0.1; done`,
  );

  const ended = await folder.sh(`klpfs run -- bash -c '
    setsid bash stubborn > /dev/null 2>&1 &
    sleep 60 > /dev/null 2>&1 &
    until [ -e log ]; do sleep 0.01; done; exit 4'`);
  expect(ended).toEqual({ status: 4, output: '', errors: '' });
  expect(await readFile(join(folder.path, 'log'), 'utf8')).toMatch(/^up\n(asked\n)+$/);
  expect(await remains(folder)).toEqual([]);
});

test.each([0, 100, 200, 300, 400, 1000])(
  'killed after %d ms, it leaves nothing either',
  async (delayMs) => {
    const folder = await createRunFolder();
    const child = folder.start('exec klpfs run -- sleep 60');
    await new Promise((resolve) => setTimeout(resolve, delayMs));

    child.kill('SIGKILL');
    await until(async () => (await remains(folder)).length === 0);
  },
);

test('a shell on a terminal has job control, and Ctrl-C is for its foreground', async () => {
  const folder = await createRunFolder();
  const child = folder.start(
    'export TERM=dumb; exec script -qefc "klpfs run -- bash --norc" /dev/null',
  );
  const { output, ended } = watch(child);
  const type = async (text: string, answer: RegExp) => {
    const from = output().length;
    child.stdin?.write(text);
    await until(() => answer.test(output().slice(from)));
  };
  await until(() => /[$#] $/.test(output()));

  await type('ls -d /sys/kernel/livepatch\n', /\/sys\/kernel\/livepatch\r\n/);
  await type('echo up; sleep 60\n', /\nup\r\n/);
  await type('\x03', /[$#] $/);
  await type('echo code $?\n', /code 130\r\n/);
  await type('echo up; sleep 60\n', /\nup\r\n/);
  await type('\x1a', /Stopped\s+sleep 60/);
  await type('kill %1; wait; echo over\n', /\nover\r\n/);
  child.stdin?.write('exit 5\n');
  expect((await ended).status).toBe(5);
  expect(await remains(folder)).toEqual([]);
});

test('Ctrl-C on a terminal ends a command that is no shell', async () => {
  const folder = await createRunFolder();
  const child = folder.start(
    'exec script -qefc "klpfs run -- sh -c \'echo up; exec sleep 60\'" /dev/null',
  );
  const { output, ended } = watch(child);
  await until(() => /up/.test(output()));

  child.stdin?.write('\x03');
  expect((await ended).status).toBe(130);
  expect(await remains(folder)).toEqual([]);
});

test('a mounted machine can be joined, and stays', async () => {
  const machine = await startMachine('--cpus 1');

  const joined = await machine.sh(`klpfs run --mount $M -- sh -c '
    echo livepatch-sample > $KLPFS_MOUNT/control/insmod; cat /proc/cmdline'
    cat $M/proc/cmdline; cd $M/proc; klpfs run --mount . -- ls /sys/kernel/livepatch`);
  expect(joined).toEqual({
    status: 0,
    output: `${'this has been live patched\n'.repeat(2)}livepatch_sample\n`,
    errors: '',
  });
  expect(await machine.sh('klpfs run --mount $M --release 6.1 -- true')).toEqual({
    status: 125,
    output: '',
    errors: `klpfs run: a machine is mounted on ${machine.mount}: --release is for one that is yet to start\n`,
  });
});

test('on an empty directory, the machine is mounted there for all to see, as long as it runs', async () => {
  const folder = await createRunFolder();

  const ended = await folder.sh(`mkdir 'a b'; klpfs run --mount 'a b' -- sh -c '
    echo $KLPFS_MOUNT; grep -c "a.040b fuse\\|a.040b .* fuse.klpfs" /proc/$PPID/mountinfo'; ls -A 'a b'`);
  expect(ended).toEqual({ status: 0, output: `${folder.path}/a b\n1\n`, errors: '' });
  expect(await remains(folder)).toEqual([]);
});

test('a run within a run has a machine of its own, and both end', async () => {
  const folder = await createRunFolder();

  const ended = await folder.sh(`klpfs run -- sh -c '
    cut -d" " -f3 /proc/version; klpfs run --release 6.1 -- cut -d" " -f3 /proc/version
    klpfs run -- sleep 60 > /dev/null 2>&1 & sleep 1; cut -d" " -f3 /proc/version'`);
  expect(ended).toEqual({ status: 0, output: '4.15.0\n6.1.0\n4.15.0\n', errors: '' });
  expect(await remains(folder)).toEqual([]);
});

test('--verbose says what is shown where', async () => {
  const folder = await createRunFolder();

  const { status, output, errors } = await folder.sh('klpfs run --verbose -- true');
  expect({ status, output }).toEqual({ status: 0, output: '' });
  expect(errors).toMatch(/^(klpfs run: [^\n]*\n)+$/);
  expect(errors).toMatch(/^klpfs run: \/sys\/kernel\/livepatch: the machine's/m);
  expect(errors).toContain(
    "/proc: the machine's, with its own processes and all else of the host's",
  );

  const hostProc = await folder.sh('klpfs run --verbose --host-proc -- true');
  expect(hostProc.errors).toContain("/proc/cmdline: the machine's\n");
  expect(hostProc.errors).toContain(
    "/proc/dynamic_debug: the real kernel's, for the machine has none",
  );
});

test("/proc has the machine's tasks, the command's own processes, and the host's other files", async () => {
  const folder = await createRunFolder();
  await folder.write('m.yaml', BUSY_MACHINE);
  await folder.write(
    'look',
    `listed() { ls /proc | grep -cx "$1"; }
     klpfs wait livepatch_sample; cat /proc/1/comm /proc/44/task/44/patch_state; listed $$; listed $PPID; cat /proc/$PPID/comm
     cut -d' ' -f1,2 /proc/modules; [ /proc/self/exe -ef /proc/$$/exe ] && readlink /proc/self | cut -c1-5
     cat <(echo through a pipe) /proc/sys/kernel/ostype; sysctl -n kernel.ostype
     ps -o comm= -p 1,44,$$ | sort; pgrep -c nginx; [ "$(pgrep -f 'bash look')" = $$ ]; echo $?
     for state in /proc/[0-9]*/task/*/patch_state; do [ -e $state ] && cat $state; done | sort | uniq -c | awk '{print $2}'
     unshare --user --map-root-user --mount --pid --fork --mount-proc ps -o pid= -C ps | tr -d ' '
     echo 7 > /proc/self/oom_score_adj; bash -c 'cat /proc/$$/oom_score_adj'`,
  );

  const { output, errors } = await folder.sh('klpfs run --machine m.yaml -- bash look');
  expect(output.split('\n')).toEqual([
    ...['systemd', '-1', '1', '0', 'node'],
    ...['livepatch_sample 16384', '.host'],
    ...['through a pipe', 'Linux', 'Linux'],
    ...['bash', 'nginx', 'systemd', '4', '0'],
    '-1',
    '1',
    '7',
    '',
  ]);
  expect(errors).toBe('');
});

test('what daemonizes itself is seen, and its files are', async () => {
  const folder = await createRunFolder();

  const ended = await folder.sh(`klpfs run -- bash -c '
    (setsid sleep 60 > /dev/null 2>&1 & echo $! > pid)
    until [ "$(cat /proc/$(cat pid)/comm)" = sleep ]; do sleep 0.01; done; cat /proc/$(cat pid)/comm; pgrep -x sleep -c'`);
  expect(ended).toEqual({ status: 0, output: 'sleep\n1\n', errors: '' });
});

const STATES = `state() { cat /proc/$1/patch_state; }`;

test('--as-process: a script is a task of the machine, and so is what it starts', async () => {
  const folder = await createRunFolder();
  await folder.write(
    'look',
    `${STATES}
     state $$; state self; cat /proc/$$/comm; readlink /proc/self | grep -c .; cat /proc/self/task/self/comm 2>/dev/null
     insmod livepatch-sample; state $$; state self; cat /sys/kernel/livepatch/livepatch_sample/transition
     sleep 60 & while [ "$(cat /proc/$!/comm)" != sleep ]; do :; done; state $!; cat /proc/$!/task/$!/patch_state
     klpfs ps | awk -v pid=$! '$1 == pid {print $2, $3}'
     cat /proc/$!/cmdline | tr '\\0' ' '; readlink /proc/$!/cwd; awk '/^PPid/ {print $2}' /proc/$!/status $KLPFS_MOUNT/proc/$!/status
     kill $!; wait $!; [ -e /proc/$! ]; echo $?; [ -e $KLPFS_MOUNT/proc/$! ]; echo $?; echo $$`,
  );

  const { output, errors } = await folder.sh('klpfs run --as-process --release 6.1 -- bash look');
  const pid = /(\d+)\n$/.exec(output)?.[1] ?? '';
  expect(output.replaceAll(pid, 'PID').split('\n')).toEqual([
    ...['-1', '-1', 'bash', '1'],
    ...['1', '1', '1'],
    ...['1', '1', 'host interruptible'],
    ...[`sleep 60 ${folder.path}`, 'PID', 'PID'],
    ...['1', '1', 'PID', ''],
  ]);
  expect(errors).toBe('');
  expect(await remains(folder)).toEqual([]);
});

test('--as-process: the function tracer names who reads', async () => {
  const folder = await createRunFolder();

  const { output } = await folder.sh(`klpfs run --as-process -- bash -c '
    cd /sys/kernel/tracing; echo cmdline_proc_show > set_ftrace_filter; echo function > current_tracer
    read -r _ < /proc/cmdline; grep -c "bash-$$ " trace'`);
  expect(output).toBe('1\n');
});

test('--as-process: a mounted machine adopts, and lets go', async () => {
  const machine = await startMachine();

  const ended = await machine.sh(`
    klpfs run --mount $M --as-process --host-proc -- bash -c 'cat $M/proc/$$/comm; echo $$ > pid'
    for i in {1..50}; do [ -e $M/proc/$(cat pid) ] || break; sleep 0.02; done; [ -e $M/proc/$(cat pid) ]; echo $?
    bash -c 'echo $$ > $M/control/adopt; cat $M/proc/self/comm $M/proc/$$/comm; [ -e $M/proc/$PPID ]; echo $?'
    echo 4194305 > $M/control/adopt`);
  expect(ended).toEqual({
    status: 1,
    output: 'bash\n1\ncat\nbash\n1\n',
    errors: 'bash: line 5: echo: write error: No such process\n',
  });
});

test.each([
  ['--transport fuse-native', '', 'the transport fuse-native does not tell who asks'],
  [
    '--mount $M',
    '--record r.jsonl',
    'a machine that is recorded adopts no processes: the host decides what they do',
  ],
])(
  '--as-process with %s, mounted with %s, says why it cannot',
  async (options, mounted, reason) => {
    const machine = await startMachine(mounted);

    const ended = await machine.sh(`klpfs run ${options} --as-process -- true`);
    expect(ended).toEqual({
      status: 125,
      output: '',
      errors: `klpfs run: --as-process: ${reason}\n`,
    });
  },
);

/**
 * An ordinary user's folder, and a /dev/fuse that everybody may open, as distributions have it. The
 * capability lets the user read klpfs wherever it lies; it does not help with writing.
 */
async function runAsUser(script: string, { privileges = '' } = {}) {
  const folder = await createRunFolder();
  await folder.write('session', script);
  onTestFinished(async () => {
    await folder.sh('chown -R 0:0 .');
  });
  const ended = await folder.sh(`
    chown 65534:65534 tmp; chmod 755 .; mknod -m 666 fuse c 10 229
    unshare -m bash -c 'mount --bind fuse /dev/fuse && exec setpriv --reuid 65534 --regid 65534 \\
      --clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search ${privileges} bash $T/session'`);
  return { ended, remains: await remains(folder) };
}

const LOOK_AS_USER = `sh -c '
  echo livepatch-sample > $KLPFS_MOUNT/control/insmod; cat /proc/cmdline; id -u
  echo 1 > /sys/kernel/livepatch/livepatch_sample/transition; exit 3'`;

// biome-ignore format: the columns are the point
test.each([
  // options        privileges             uid
  ['',              '',                    '0'],
  ['--keep-user',   '',                    '65534'],
  ['',              '--no-new-privs',      '0'],
  ['--keep-user',   '--no-new-privs',      '65534'],
])('an ordinary user, run %s with %s, is %s in a namespace of his own', async (options, privileges, uid) => {
  const { ended, remains } = await runAsUser(`klpfs run ${options} -- ${LOOK_AS_USER}`, { privileges });
  expect(ended).toEqual({
    status: 3,
    output: `this has been live patched\n${uid}\n`,
    errors: 'sh: 3: cannot create /sys/kernel/livepatch/livepatch_sample/transition: Permission denied\n',
  });
  expect(remains).toEqual([]);
});

test("an ordinary user's command is adopted where he may mount", async () => {
  const look = "sh -c 'cat /proc/$$/comm /proc/$$/patch_state; ls /proc | grep -cx $$'";
  const { ended, remains } = await runAsUser(`klpfs run --as-process -- ${look}`, {
    privileges: '--no-new-privs',
  });
  expect(ended).toEqual({ status: 0, output: 'sh\n-1\n1\n', errors: '' });
  expect(remains).toEqual([]);
});

test('where neither root nor a user namespace is to be had, it says what it tried', async () => {
  const { ended, remains } = await runAsUser(`
    unshare -Ur bash -c 'echo 0 > /proc/sys/user/max_user_namespaces
      exec setpriv --bounding-set -all --inh-caps -all klpfs run -- true'`);
  expect(ended).toMatchObject({ status: 125, output: '' });
  expect(ended.errors).toMatch(
    /^klpfs run: a namespace .*: unshare --user --map-root-user --mount\n {2}unshare: unshare failed: No space left on device\n( {2}.*\n)+$/,
  );
  expect(remains).toEqual([]);
});
