/** Mounting without root, and serving what somebody else has mounted. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AS_NOBODY } from '../support/unprivileged.ts';
import { createFolder, type Folder } from './klpfs.ts';

const NOBODY = 65534;

/** Makes `mnt` and `state` nobody's, and runs a script as nobody, who may open /dev/fuse. */
async function asNobody({ sh, write }: Folder, script: string, prepare = 'true') {
  await write('script', `cd /; export XDG_STATE_HOME=$T/state\n${script}`);
  return await sh(`mkdir mnt state; chown ${NOBODY}:${NOBODY} mnt state; chmod 755 .
    mknod -m 666 fuse c 10 229; export T M=$T/mnt
    exec unshare -m bash -c 'mount --bind fuse /dev/fuse; ${prepare}; exec ${AS_NOBODY.join(' ')} bash script'`);
}

/** Where a Python would be found, there is a file that cannot be run. */
const WITHOUT_PYTHON = `for dir in /usr/bin \${PATH//:/ }; do
    if [ -e $dir/python3 ]; then mount --bind /dev/null $(realpath $dir/python3); fi; done`;

/** mount(8) is set-user-ID root, and loses what is not root's. */
const WITH_CAPABILITY = `exec ${AS_NOBODY.join(' ').replaceAll('+dac', '+sys_admin,+dac')} bash script`;

const SAY_TRANSPORT = `grep -o '"transport":"[^"]*","way":"[^"]*"' $T/state/log`;
const MOUNT_AND_SAY = `klpfs mount $M --log-level debug --log-file $T/state/log &&
  cat $M/proc/version | cut -c 1-13; ${SAY_TRANSPORT}; klpfs umount $M`;

// biome-ignore format: the columns are the point
test.each<[who: string, script: string, prepare: string, transport: string, way: string]>([
  // who                            script                                             prepare           transport      way
  ['a user with fusermount3',       MOUNT_AND_SAY,                                     'true',           'devfuse',     'fusermount3'],
  ['a user with CAP_SYS_ADMIN',     MOUNT_AND_SAY,                                     WITH_CAPABILITY,  'devfuse',     'fusermount3'],
  ['a user without Python',         MOUNT_AND_SAY,                                     WITHOUT_PYTHON,   'fuse-native', 'libfuse 2'  ],
  ['root of a user namespace',      `unshare -Urm bash <<'END'\n${MOUNT_AND_SAY}\nEND`, 'true',          'devfuse',     'mount(8)'   ],
])('%s mounts', async (_, script, prepare, transport, way) => {
  const folder = await createFolder();

  expect(await asNobody(folder, script, prepare)).toEqual({
    status: 0,
    output: `Linux version\n"transport":"${transport}","way":"${way}"\n`,
    errors: '',
  });
});

const NEEDS_ROOT = 'mount(8) needs root with CAP_SYS_ADMIN, as in `unshare -Urm`';

// biome-ignore format: the columns are the point
test.each<[without: string, script: string, prepare: string, missing: string]>([
  ['Python',      '',                          WITHOUT_PYTHON, 'python3 on the PATH'],
  ['fusermount3', 'setpriv --no-new-privs ',   'true',         'a set-user-ID fusermount3 on the PATH that may become root'],
])('devfuse that cannot mount without %s says so', async (_, prefix, prepare, missing) => {
  const folder = await createFolder();

  const script = `${prefix}klpfs mount $M --transport devfuse`;
  expect(await asNobody(folder, script, prepare)).toEqual({
    status: 2,
    output: '',
    errors: `klpfs mount: devfuse cannot mount here: ${NEEDS_ROOT}; fusermount3 needs ${missing}\n`,
  });
});

test('a user whom fusermount3 refuses is told why, and nothing is mounted', async () => {
  const folder = await createFolder();

  const { status, errors } = await asNobody(folder, 'klpfs mount $M --allow-other');

  expect(status).toBe(32);
  expect(errors).toMatch(
    /^klpfs mount: the system refused to mount: fusermount3: option allow_other only allowed if 'user_allow_other' is set in \/etc\/fuse.conf\n$/,
  );
  expect((await folder.sh('ls mnt; grep " $T/" /proc/self/mountinfo')).output).toBe('');
});

test('others are those of the user namespace: not even root outside of it', async () => {
  const { sh, write } = await createFolder();
  await write(
    'inside',
    `read; klpfs mount mnt --allow-other && setpriv --reuid 1000 --clear-groups stat -c %u mnt
     echo > told; read; klpfs umount mnt`,
  );

  const { status, output, errors } = await sh(`mkdir mnt; chmod 755 .; mkfifo go told
    unshare -Um bash inside < go & pid=$!; exec 7> go
    while [ /proc/$pid/ns/user -ef /proc/self/ns/user ]; do sleep 0.05; done
    echo 0 0 2000 > /proc/$pid/uid_map; echo 0 0 2000 > /proc/$pid/gid_map; echo >&7
    read < told; nsenter -t $pid --mount stat $PWD/mnt; echo >&7; wait $pid`);

  expect({ status, output }).toEqual({ status: 0, output: '0\n' });
  expect(errors).toMatch(/^stat: [^\n]*: Permission denied\n$/);
});

/** Opens /dev/fuse, mounts it by mount(8), and becomes a command that has it as descriptor N. */
const SUPERVISOR = `
import os, subprocess, sys
number, directory, kind, user, *command = sys.argv[1:]
device = int(number)
opened = os.open('/dev/fuse', os.O_RDWR)
if opened != device:
    os.dup2(opened, device)
    os.close(opened)
os.set_inheritable(device, True)
if kind != '-':
    options = f'fd={device},rootmode=40000,user_id={user},group_id={user},default_permissions,allow_other'
    subprocess.run(['mount', '-i', '-t', kind, '-o', options, 'klpfs', directory], pass_fds=[device], check=True)
os.execvp(command[0], command)
`;

async function folderWithSupervisor(): Promise<Folder> {
  const folder = await createFolder();
  await folder.write('supervisor', SUPERVISOR);
  return folder;
}

test.each([3, 4, 7, 40])('what a supervisor has mounted is served by descriptor %d', async (fd) => {
  const { path, sh } = await folderWithSupervisor();

  const { status, output, errors } = await sh(`mkdir mnt
    python3 supervisor ${fd} mnt fuse.klpfs 0 klpfs mount mnt --fd ${fd} --release 6.1 --log-file log --log-level debug
    klpfs status --mount mnt | head -2; ${SAY_TRANSPORT.replace('$T/state/', '')}
    klpfs umount mnt; ls mnt`);

  expect({ status, errors }).toEqual({ status: 0, errors: '' });
  expect(output.split('\n')).toEqual([
    `machine on ${path}/mnt`,
    expect.stringMatching(/Linux 6.1, 2 cpus/),
    `"transport":"devfuse","way":"descriptor ${fd}"`,
    '',
  ]);
});

test('what a supervisor has mounted is served in the foreground too, by the name of the descriptor', async () => {
  const { sh } = await folderWithSupervisor();

  const { status, output, errors } = await sh(`mkdir mnt
    python3 supervisor 5 mnt fuse.klpfs 0 klpfs mount -f /dev/fd/5 --log-file log & daemon=$!
    until grep -q mounted log 2>/dev/null; do sleep 0.05; done
    cut -c 1-13 mnt/proc/version; kill $daemon; wait $daemon; echo $?; ls mnt
    grep -c " $T/" /proc/self/mountinfo`);

  expect({ status, output, errors }).toEqual({
    status: 1,
    output: 'Linux version\n0\n0\n',
    errors: '',
  });
});

// biome-ignore format: the columns are the point
test.each([
  // supervisor        arguments                              status  message
  ['',                 'mnt --fd 77',                         1,      'descriptor 77 is not open'],
  ['',                 'mnt --fd 77 77</dev/null',            1,      'descriptor 77 is no /dev/fuse'],
  ['',                 'mnt --fd 77 77<supervisor',           1,      'descriptor 77 is no /dev/fuse'],
  ['',                 '/dev/fd/77',                          1,      'descriptor 77 is not open'],
  ['',                 'mnt --fd 2',                          1,      "It must be a descriptor's number, from 3 on"],
  ['',                 'mnt --fd x',                          1,      "It must be a descriptor's number, from 3 on"],
  ['7 mnt - 0',        'mnt --fd 7',                          32,     'descriptor 7 is a /dev/fuse that is not mounted'],
  ['7 mnt fuse 0',     'mnt --fd 7',                          1,      'mnt is mounted as fuse; klpfs needs the type fuse.klpfs'],
  ['7 mnt fuse.klpfs 0', 'other --fd 7',                      32,     'descriptor 7 is not mounted on $T/other'],
  ['7 mnt fuse.klpfs 0', 'nowhere --fd 7',                    32,     'nowhere does not exist'],
  ['7 mnt fuse.klpfs 0', 'mnt --fd 7 --transport fuse-native', 1,     'fuse-native serves no descriptor of others'],
])('by supervisor %s, mount %s: exit code %d, %s', async (supervisor, args, status, message) => {
  const { path, sh } = await folderWithSupervisor();
  const start = supervisor === '' ? '' : `python3 supervisor ${supervisor} `;

  const ended = await sh(`mkdir mnt other; ${start}klpfs mount ${args}`);

  expect(ended).toMatchObject({ status, output: '' });
  expect(ended.errors).toMatch(/^klpfs mount: [^\n]*\n$/);
  expect(ended.errors).toContain(message.replace('$T', path));
});

/** `mount.fuse3` finds klpfs by the PATH, and mounts as root for a daemon that is nobody. */
const MOUNT_FUSE = `mkdir mnt state; chmod 755 . bin; chown ${NOBODY} mnt state
  mount.fuse3 'klpfs#mount' $T/mnt -o drop_privileges,setuid=nobody,allow_other,nosuid,release=6.1,log_file=$T/state/log,log_level=debug`;

test('mount.fuse3 mounts as root for a daemon without any rights', async () => {
  const { path, sh } = await createFolder();

  const { status, output, errors } = await sh(`${MOUNT_FUSE} &&
    klpfs status --mount mnt | head -2; ${SAY_TRANSPORT}; stat -c %u mnt
    pid=$(grep -m 1 -o '"pid":[0-9]*' state/log | cut -d: -f2)
    grep -E '^(Uid|CapBnd|NoNewPrivs)' /proc/$pid/status
    klpfs umount mnt; ls mnt`);

  expect({ status, errors }).toEqual({ status: 0, errors: '' });
  expect(output.split('\n')).toEqual([
    `machine on ${path}/mnt`,
    expect.stringMatching(/Linux 6.1, 2 cpus/),
    '"transport":"devfuse","way":"descriptor 3"',
    `${NOBODY}`,
    `Uid:\t${NOBODY}\t${NOBODY}\t${NOBODY}\t${NOBODY}`,
    expect.stringMatching(/CapBnd:\t0+$/),
    'NoNewPrivs:\t1',
    '',
  ]);
});

test('a daemon that may not unmount lets go when it is asked to end', async () => {
  const { path, sh } = await createFolder();

  const { errors } = await sh(`${MOUNT_FUSE} &&
    kill $(grep -m 1 -o '"pid":[0-9]*' state/log | cut -d: -f2)
    until grep -q closed state/log; do sleep 0.05; done; ls mnt; klpfs umount mnt; ls mnt`);

  expect(errors).toMatch(/^ls: [^\n]*: Transport endpoint is not connected\n$/);
  const last = (await readFile(join(path, 'state/log'), 'utf8')).trim().split('\n').at(-1) ?? '';
  expect(JSON.parse(last)).toMatchObject({ msg: 'closed', reason: 'left-to-others' });
});

// biome-ignore format: the columns are the point
test.each([
  // options                        status  message
  ['release=6.1,colour=red',        1,      "-o: there is no option 'colour=red'"],
  ['release=5.0',                   1,      'Allowed choices are 4.15, 6.1'],
  ['rw,speed',                      1,      "option '--speed <number>' argument missing"],
  ['allow_other=yes',               1,      "-o: there is no option 'allow_other=yes'"],
])('-o %s: exit code %d, %s', async (options, status, message) => {
  const { sh } = await createFolder();

  const ended = await sh(`mkdir mnt; klpfs mount mnt -o ${options}`);

  expect(ended).toMatchObject({ status, output: '' });
  expect(ended.errors).toContain(message);
});

test('-o has the long options, and passes over what is of the mount', async () => {
  const { sh } = await createFolder();

  const { status, output, errors } = await sh(`mkdir mnt
    klpfs mount mnt -o rw,nosuid,x-systemd.automount,release=6.1 -o cpus=3,log_file=log,allow_other &&
    klpfs status --mount mnt | grep -o 'Linux.*cpus'; grep -o allow_other /proc/self/mountinfo; klpfs umount mnt; test -s log`);

  expect({ status, errors }).toEqual({ status: 0, errors: '' });
  expect(output).toContain('Linux 6.1, 3 cpus\nallow_other\n');
});
