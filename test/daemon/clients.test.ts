/** Real clients on a real mount: shells, Python, people who are not root, and bad input. */
import { expect, test } from 'vitest';
import { aModule, anObject, aPatch, cmdlinePatch } from '../support/modules.ts';
import { TRANSPORT } from '../support/transport.ts';
import { mountMachine } from './mounted.ts';

/** One cpu: an idle machine is through with a transition when the write returns. */
const LOADED = 'cpus: 1\nload: [livepatch-sample]\n';
const ENABLED = '$K/livepatch_sample/enabled';

// biome-ignore format: the columns are the point
test.each([
  ['bash', `echo 1 > ${ENABLED}`, 'echo: write error: Invalid argument'],
  ['dash', `echo 1 > ${ENABLED}`, 'echo: I/O error'],
  ['bash', `printf 1 > ${ENABLED}`, 'printf: write error: Invalid argument'],
  ['bash', 'cat $K/nosuch/enabled', 'No such file or directory'],
  ['bash', 'echo 1 > $K/livepatch_sample/transition', 'Permission denied'],
  ['bash', 'cat $M/sys/module/livepatch_sample/uevent', 'Permission denied'],
  ['bash', 'touch $K/new', 'Permission denied'],
  ['bash', 'mkdir $K/new', 'Operation not permitted'],
  ['bash', 'rm -rf $K/livepatch_sample/vmlinux', 'Operation not permitted'],
  ['bash', 'mkdir $M/proc/new', 'No such file or directory'],
  ['bash', 'echo nosuch > $M/control/insmod', 'No such file or directory'],
  ['bash', 'echo livepatch-sample > $M/control/insmod', 'File exists'],
  ['bash', 'echo livepatch-sample > $M/control/rmmod', 'Resource temporarily unavailable'],
  ['bash', 'echo x > $M/control/tasks', 'Permission denied'],
  ['bash', 'echo +1s > $M/control/clock', 'Invalid argument'],
])('%s: %s: %s', async (shell, command, message) => {
  const { sh } = await mountMachine(LOADED);
  const { errors, status } = await sh(command, shell);
  expect(errors).toContain(message);
  expect(status).not.toBe(0);
});

test('a shell enables, disables and enables again', async () => {
  const { sh } = await mountMachine(LOADED);
  const script = `
    for value in 0 1 0; do
      echo $value > ${ENABLED}; cat ${ENABLED} $K/livepatch_sample/transition $M/proc/cmdline
    done; cat $M/proc/42/patch_state`;
  const original = 'BOOT_IMAGE=/boot/vmlinuz-4.15.0 root=/dev/sda1 ro quiet';
  const patched = 'this has been live patched';
  expect((await sh(script)).output.split('\n')).toEqual([
    '0',
    '0',
    original,
    '1',
    '0',
    patched,
    '0',
    '0',
    original,
    '-1',
    '',
  ]);
});

test('Python sees errno, short writes and offsets', async () => {
  const { sh } = await mountMachine(LOADED);
  const script = `
import errno, os
path = os.environ['K'] + '/livepatch_sample/enabled'
def attempt(call, *args):
    try: return call(*args)
    except OSError as e: return errno.errorcode[e.errno]
fd = os.open(path, os.O_RDWR)
print(os.read(fd, 1), os.pread(fd, 9, 1), os.pread(fd, 9, 7), os.read(fd, 9))
print(attempt(os.write, fd, b'1'), os.write(fd, b'0' * 5000), os.pread(fd, 9, 0))
print(os.pwrite(fd, b'1', 100), os.pread(fd, 9, 0), attempt(os.pwrite, fd, b'2', 0))
print(attempt(os.open, path, os.O_RDONLY | os.O_DIRECT))
print(os.fstat(fd).st_size, os.ftruncate(fd, 0), os.fstat(fd).st_size, os.lseek(fd, 0, os.SEEK_END))`;
  const { output } = await sh(`python3 - <<'PYTHON'\n${script}\nPYTHON`);
  expect(output.split('\n')).toEqual([
    "b'1' b'\\n' b'' b'\\n'",
    "EINVAL 4096 b'0\\n'",
    "1 b'1\\n' EINVAL",
    'EINVAL',
    '4096 None 4096 4096',
    '',
  ]);
});

test('who is not root reads, and may not write', async () => {
  const { sh } = await mountMachine(LOADED);
  const script = `cat ${ENABLED}; echo 0 > ${ENABLED}; cat $M/proc/1/patch_state; cat $M/control/machine; ls $M/control >/dev/null; echo $?`;
  const { output, errors } = await sh(
    `setpriv --reuid 65534 --regid 65534 --clear-groups bash -c '${script}'`,
  );
  expect(output).toBe('1\n0\n');
  expect(errors.match(/Permission denied/g)).toHaveLength(3);
});

test('a manifest makes a module, under its own name, with what its author wrote', async () => {
  const { sh } = await mountMachine('cpus: 1\n');
  const manifest = `
module: my-fix
livepatch: true
objects:
  - name: vmlinux
    callbacks: {pre_patch: [{log: about to patch}]}
    funcs: [{old_name: cmdline_proc_show, output: "fixed\\n", log: shown}]`;
  const script = `cat > $M/control/manifest <<'YAML'\n${manifest}\nYAML
    echo my-fix > $M/control/insmod && cat $M/proc/cmdline && ls $K && grep -c 'my_fix: about\\|my_fix: shown' <(timeout 0.3 cat $M/dev/kmsg)`;
  expect((await sh(script)).output).toBe('fixed\nmy_fix\n2\n');
});

// biome-ignore format: the columns are the point
test.each([
  ['no YAML',            'a: [',                              'Invalid argument'],
  ['an unknown key',     'module: m\nfoo: 1\nobjects: [{name: vmlinux}]', 'Invalid argument'],
  ['no objects',         'module: m\nlivepatch: true',        'Invalid argument'],
  ['nothing',            '',                                  'Invalid argument'],
])('a manifest with %s is refused, with a line in the kernel log', async (_what, manifest, message) => {
  const { sh } = await mountMachine('');
  const { errors, output } = await sh(
    `printf '%s\\n' '${manifest}' > $M/control/manifest; timeout 0.3 cat $M/dev/kmsg`,
  );
  expect(errors).toContain(message);
  expect(output).toMatch(/;klpfs: manifest: /);
});

test('a document of a mebibyte is taken in one write, one of ten is too much', async () => {
  const { sh } = await mountMachine('');
  const script = `
import os, errno
def send(size):
    fd = os.open(os.environ['M'] + '/control/manifest', os.O_WRONLY)
    text = b'{"module": "big", "objects": [{"name": "vmlinux"}], "depends": []}'
    text += b' ' * (size - len(text))
    done = 0
    try:
        while done < len(text): done += os.write(fd, text[done:])
        return 'taken'
    except OSError as e: return errno.errorcode[e.errno]
print(send(100), send(1 << 20), send(10 << 20), send(200000))`;
  const { output } = await sh(`python3 - <<'PYTHON'\n${script}\nPYTHON`);
  expect(output).toBe('taken taken E2BIG taken\n');
});

test('a callback that throws: EIO for that request, a log with a stack, and the rest goes on', async () => {
  const broken = aModule({
    name: 'broken',
    patch: aPatch([
      anObject({
        callbacks: {
          prePatch: () => {
            throw new TypeError('oops');
          },
        },
      }),
    ]),
  });
  const { sh, log } = await mountMachine(LOADED, [broken]);
  const { errors, output } = await sh(
    `echo broken > $M/control/insmod; ls $K; echo 0 > ${ENABLED} && cat ${ENABLED}`,
  );
  expect(errors).toContain('Input/output error');
  expect(output).toBe('livepatch_sample\n0\n');
  expect(log).toContainEqual(
    expect.objectContaining({
      err: expect.objectContaining({ stack: expect.stringContaining('oops') }),
    }),
  );
});

test('a callback that never returns blocks who Linux would block, and nobody else', async () => {
  const stuck = aModule({
    name: 'stuck',
    patch: aPatch([
      anObject({
        callbacks: {
          *prePatch() {
            yield { kind: 'sleep', state: 'uninterruptible' };
            return 0;
          },
        },
      }),
    ]),
  });
  const { sh } = await mountMachine(LOADED, [stuck, cmdlinePatch('other')]);
  const script = `
    (echo stuck > $M/control/insmod; echo loaded) & (sleep 0.1; echo 0 > ${ENABLED}; echo wrote $?) &
    sleep 0.5; cat ${ENABLED} $K/stuck/transition $M/proc/cmdline; echo other > $M/control/rmmod
    grep -c '"kind":"client"' $M/control/tasks
    pid=$(grep -o '"pid":[0-9]*,"tgid":[0-9]*,"ppid":[0-9]*,"comm":"klpfs-client"' $M/control/tasks | head -1 | grep -o '[0-9]*')
    echo $pid > $M/control/wake; wait`;
  const { output, errors } = await sh(script);
  const lines = output.trimEnd().split('\n');
  expect(lines.slice(0, 4)).toEqual(['1', '1', 'this has been live patched', '2']);
  expect(lines.slice(4).sort()).toEqual(['loaded', 'wrote 1']);
  expect(errors).toContain('No such file or directory');
  expect(errors).toContain('Device or resource busy');
});

/** A module whose init waits, and one that does not. */
const STUCK = aModule({
  name: 'stuck',
  *init() {
    yield { kind: 'sleep', state: 'interruptible' };
  },
});
const TWO_MODULES = [STUCK, aModule({ name: 'plain' })];
/** One is inside its write, another writes to the same file, the first is killed. */
const TWO_WRITERS = `
    (exec bash -c 'echo stuck > $M/control/insmod') & writer=$!
    sleep 0.2; (echo plain > $M/control/insmod) & sleep 0.2
    [ -e $M/sys/module/plain ] && echo together || echo one by one
    kill -9 $writer; sleep 0.2
    [ -e /proc/$writer ] && cut -d' ' -f3 /proc/$writer/stat || echo ended; ls $M/sys/module`;

test.runIf(TRANSPORT.name === 'devfuse')(
  'writers of one file wait for each other, and a writer that waits can be killed',
  async () => {
    const { sh } = await mountMachine(LOADED, TWO_MODULES);

    const { output } = await sh(TWO_WRITERS);

    expect(output.split('\n')).toEqual([
      ...['one by one', 'ended', 'livepatch_sample', 'plain', 'stuck', ''],
    ]);
  },
);

test.runIf(TRANSPORT.name === 'fuse-native')(
  'over fuse-native, a writer that waits cannot be killed',
  async () => {
    const { sh } = await mountMachine(LOADED, TWO_MODULES);
    const { output } = await sh(`${TWO_WRITERS}
      pid=$(grep -o '"pid":[0-9]*,"tgid":[0-9]*,"ppid":[0-9]*,"comm":"klpfs-client"' $M/control/tasks | grep -o '[0-9]*' | head -1)
      echo $pid > $M/control/wake; wait; ls $M/sys/module`);

    const before = ['one by one', 'D', 'livepatch_sample', 'stuck'];
    expect(output.split('\n')).toEqual([...before, 'livepatch_sample', 'plain', 'stuck', '']);
  },
);

test('a file that was opened before its patch went answers ENODEV, also after it came again', async () => {
  const { sh } = await mountMachine('release: "6.1"\ncpus: 1\nload: [livepatch-sample]\n');
  const script = `
    exec 3< ${ENABLED}; read value <&3; echo $value; echo 0 > ${ENABLED}; sleep 0.2; ls $K; cat <&3
    echo livepatch-sample > $M/control/rmmod; echo livepatch-sample > $M/control/insmod
    cat ${ENABLED}; read value <&3 || echo gone`;
  const { output, errors } = await sh(script);
  expect(output).toBe('1\n1\ngone\n');
  expect(errors).toMatch(/read error: .*No such device/);
});
