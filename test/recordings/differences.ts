/**
 * Where klpfs answers otherwise than the kernel that was recorded. Everything else is the same.
 *
 * Each key is a row of docs/differences.md, which gives the reason.
 */
import { existsSync } from 'node:fs';
import type { Transport } from '../../mount/transport.ts';
import { TRANSPORT } from '../support/transport.ts';
import type { RecordedRelease } from './guest.ts';

/** In these records, what Linux answered is in klpfs's answer replaced by something else. */
export interface Difference {
  readonly key: string;
  readonly ids: readonly string[];
  readonly changes: readonly Change[];
  /** All that have these records, unless said. */
  readonly releases?: readonly RecordedRelease[];
  /** Of machines that are mounted by it; all, unless said. */
  readonly transport?: Transport['name'];
  /** A file of this host: where it exists, the host's own /proc answers as the recorded one did. */
  readonly unlessExists?: string;
}

type Change = readonly [linux: string | RegExp, klpfs: string];

const SAMPLE = '/sys/kernel/livepatch/livepatch_sample';
const SYSFS_TYPE = /type=0x62656572 (.*) flags=0x1020/g;
const FUSE_TYPE = 'type=0x65735546 $1 flags=0x1026';
const GONE = '= -1 ENOENT (No such file or directory)';
const OWN_STATE = '/proc/self/patch_state';

const NO_DIRECTORY =
  'shell-init: error retrieving current directory: getcwd: cannot access parent directories: No such file or directory\n';

export const DIFFERENCES: readonly Difference[] = [
  {
    key: 'statfs-type',
    ids: ['read.sys.fstat', 'read.removed.fd'],
    changes: [[SYSFS_TYPE, FUSE_TYPE]],
  },
  {
    key: 'statfs-type',
    ids: ['tree.none.statfs'],
    changes: [
      [SYSFS_TYPE, FUSE_TYPE],
      ['Type: sysfs', 'Type: fuseblk'],
      ['sysfs 62656572 ', 'fuseblk 65735546 '],
    ],
  },
  {
    key: 'statfs-type',
    ids: ['ns.statfs'],
    changes: [['Type: sysfs', 'Type: fuseblk']],
  },
  {
    key: 'mount-table',
    ids: ['tree.none.mounts'],
    changes: [
      ['proc /proc ', 'proc /procfs '],
      [/^(sysfs|debugfs|tracefs) .*\n/gm, ''],
    ],
  },
  {
    key: 'surroundings',
    ids: [
      'tree.none.ls',
      'tree.loading.ls',
      'tree.patched.ls',
      'tree.patched.lsR',
      'tree.disabled.ls',
      'tree.unloaded.ls',
      'stack.ls',
      'stack.end',
      'ns.user.ls',
    ],
    changes: [['drwxr-xr-x 15 root root 0 DATE ..', 'drwxr-xr-x 5 root root 0 DATE ..']],
  },
  {
    key: 'surroundings',
    ids: ['tree.none.ls.parent'],
    changes: [
      ['drwxr-xr-x 15 root root 0 DATE .\n', 'drwxr-xr-x 5 root root 0 DATE .\n'],
      ['dr-xr-xr-x 13 root root 0 DATE ..\n', 'dr-xr-xr-x 4 root root 0 DATE ..\n'],
      ['drwx------ 6 root root 0 DATE tracing', 'drwx------ 2 root root 0 DATE tracing'],
      ['drwx------ 31 root root 0 DATE debug', 'drwx------ 5 root root 0 DATE debug'],
      [/^.* DATE (?!\.|debug|livepatch|tracing).*\n/gm, ''],
    ],
  },
  {
    key: 'surroundings',
    ids: ['tree.patched.module.ls'],
    changes: [['drwxr-xr-x 67 root root 0 DATE ..', 'drwxr-xr-x 3 root root 0 DATE ..']],
  },
  {
    key: 'surroundings',
    ids: ['control.stat'],
    changes: [[/^drwx------ \d+ root root 0 DATE \/sys/gm, 'drwx------ 5 root root 0 DATE /sys']],
  },

  {
    key: 'own-processes',
    ids: ['tree.none.patch_state'],
    unlessExists: OWN_STATE,
    changes: [
      ['-r-------- 1 root root 0 DATE /proc/self/patch_state\n-1\n', ''],
      [
        '--- exit',
        `--- stderr\ncat: ${OWN_STATE}: No such file or directory\nls: cannot access '${OWN_STATE}': No such file or directory\n--- exit`,
      ],
    ],
  },
  {
    key: 'own-processes',
    ids: ['ns.patchstate.perm'],
    unlessExists: OWN_STATE,
    changes: [
      [/^-r-.* \/proc\/self\/patch_state\n/gm, ''],
      [/^open \/proc\/self\/patch_state (.*) ok$/gm, `open ${OWN_STATE} $1${GONE}`],
      [/^(read \d+) "[-\\n1]+" = \d$/gm, '$1 = -1 EBADF (Bad file descriptor)'],
      ['lseek 0 = 0', 'lseek 0 = -1 EBADF (Bad file descriptor)'],
      [/^fstat mode.*$/gm, 'fstat = -1 EBADF (Bad file descriptor)'],
      [
        'lseek 0 END = -1 EINVAL (Invalid argument)',
        'lseek 0 END = -1 EBADF (Bad file descriptor)',
      ],
      ['poll 50 revents=IN|OUT|RDNORM| = 1', 'poll 50 revents= = 0'],
      ['close = 0', 'close = -1 EBADF (Bad file descriptor)'],
      [
        'bash: line 1: echo: write error: Invalid argument',
        `ls: cannot access '${OWN_STATE}': No such file or directory\nbash: line 1: ${OWN_STATE}: No such file or directory`,
      ],
    ],
  },
  {
    key: 'own-processes',
    ids: ['ns.patchstate.gone'],
    unlessExists: OWN_STATE,
    changes: [
      [`open ${OWN_STATE}  ok`, `open ${OWN_STATE} ${GONE}`],
      ['close = 0', 'close = -1 EBADF (Bad file descriptor)'],
    ],
  },
  {
    key: 'own-processes',
    ids: ['ns.user.sh'],
    unlessExists: OWN_STATE,
    changes: [
      ['-1\n', ''],
      [
        'cat: /proc/PID/stack',
        `cat: ${OWN_STATE}: No such file or directory\ncat: /proc/PID/stack`,
      ],
    ],
  },
  {
    key: 'own-processes',
    ids: ['ns.user.sh'],
    changes: [['/proc/PID/stack: Permission denied', '/proc/PID/stack: No such file or directory']],
  },
  {
    key: 'own-processes',
    ids: ['ns.patchstate.user'],
    changes: [
      ['-1\n-r-------- 1 root root 0 DATE /proc/PID/patch_state\n', ''],
      [
        'cat: /proc/PID/patch_state: Permission denied\n',
        "cat: /proc/PID/patch_state: No such file or directory\ncat: /proc/PID/patch_state: No such file or directory\nls: cannot access '/proc/PID/patch_state': No such file or directory\n",
      ],
    ],
  },
  {
    key: 'own-processes',
    ids: ['ns.patchstate.gone'],
    changes: [
      [
        'cat: -: No such process',
        'bash: line 1: /proc/PID/patch_state: No such file or directory\nbash: line 1: 3: Bad file descriptor',
      ],
    ],
  },

  {
    key: 'module-files',
    ids: ['tree.load.modinfo'],
    changes: [['livepatch-sample.ko', 'livepatch_sample.ko']],
  },
  {
    key: 'kernel-version',
    ids: ['tree.load.modinfo', 'tree.nonexist.modprobe'],
    changes: [[/6\.1\.0-56-amd64/g, '6.1.0']],
  },
  {
    key: 'module-syscalls',
    ids: ['tree.patched.insmod.again.strace', 'tree.patched.rmmod.strace'],
    changes: [
      [
        /^(?:finit_module|rmmod)[\s\S]*--- exit 1$/gm,
        'bash: line 1: strace: command not found\n--- exit 127',
      ],
    ],
  },
  {
    key: 'replay-programs',
    ids: ['ns.user.setuidgid'],
    changes: [['setuidgid: applet not found', 'bash: line 1: busybox: command not found']],
  },
  {
    key: 'transition-speed',
    ids: ['enabled.write.cur1[foo]'],
    releases: ['6.1'],
    changes: [
      [`  (sh exit 1)\n--- stderr\ncat: ${SAMPLE}/enabled: No such file or directory\n`, '0\n'],
    ],
  },

  {
    key: 'own-processes',
    ids: ['trans.t3.child'],
    unlessExists: OWN_STATE,
    changes: [
      ['1\n1\n1\n1\n0\n', '1\n1\n0\n'],
      [
        '--- exit',
        `--- stderr\ncat: ${OWN_STATE}: No such file or directory\ncat: /proc/PID/patch_state: No such file or directory\n--- exit`,
      ],
    ],
  },
  {
    key: 'own-processes',
    ids: ['unp.disable'],
    unlessExists: OWN_STATE,
    changes: [
      [
        '1\n0\n--- exit 0',
        `1\n--- stderr\ncat: ${OWN_STATE}: No such file or directory\n--- exit 1`,
      ],
    ],
  },
  {
    key: 'own-processes',
    ids: ['unp.state'],
    unlessExists: OWN_STATE,
    changes: [
      ['1\n0\n0\noriginal', '1\n0\noriginal'],
      ['--- exit', `--- stderr\ncat: ${OWN_STATE}: No such file or directory\n--- exit`],
    ],
  },
  {
    key: 'own-processes',
    ids: ['tree.loading.states', 'trans.idle.states', 'trans.t0.states', 'trans.t3.states'],
    changes: [[/\b(?:bash|jrec)=STATE /g, '']],
  },
  {
    key: 'kthread-names',
    ids: [
      'tree.loading.states',
      'trans.idle.states',
      'trans.t0.states',
      'trans.t3.states',
      'trans.t3.kthreads',
    ],
    changes: [[/\b(\w{15})\w+(?==)/g, '$1']],
  },
  {
    key: 'own-processes',
    ids: ['trans.t3.kthreads'],
    changes: [
      // Who has no /proc/PID/exe counts as a kernel thread, and those of the machine have none.
      ['blkcg_punt_bio=1 ', 'blkcg_punt_bio=1 cat=0 '],
      [' ipv6_addrconf', ' init=1 ipv6_addrconf'],
      [/^--- stderr\n(?:cat: .*\n)+/gm, ''],
    ],
  },
  {
    key: 'own-processes',
    ids: ['hog.load'],
    unlessExists: OWN_STATE,
    changes: [
      [
        '-1\n-1\n--- exit 0',
        '--- stderr\ncat: /proc/PID/patch_state: No such file or directory\ncat: /proc/PID/patch_state: No such file or directory\n--- exit 1',
      ],
    ],
  },
  {
    key: 'replay-records',
    ids: ['trans.t0.states'],
    changes: [['--- dmesg\nlivepatch: signaling remaining tasks\n', '']],
  },
  {
    key: 'code-layout',
    ids: ['shadow.state'],
    releases: ['6.1'],
    changes: [[/^(dummy_check .*\n)(dummy_free .*\n)/gm, '$2$1']],
  },
  {
    key: 'kthread-frames',
    ids: ['kth.load'],
    changes: [[/^\[<0>\] ret_from_fork.*\n/gm, '']],
  },
  {
    key: 'kthread-frames',
    ids: ['busy.state'],
    changes: [[/^\[<0>\] (?:msleep|process_one_work|ret_from_fork).*\n/gm, '']],
  },
  {
    key: 'replay-links',
    ids: ['busy.state'],
    changes: [
      [
        '--- exit',
        '--- stderr\ncat: /proc/PID/patch_state: No such file or directory\ncat: /proc/PID/patch_state: No such file or directory\n--- exit',
      ],
    ],
  },
  {
    key: 'replay-links',
    ids: ['cmd.patched'],
    changes: [[/^26\n(?:0|30)\n/gm, '26\n21\n']],
  },
  {
    key: 'replay-records',
    ids: ['trans.wait18'],
    changes: [['--- exit 0\n', '--- exit 0\n--- dmesg\nlivepatch: signaling remaining tasks\n']],
  },
  {
    key: 'replay-records',
    ids: ['file.params'],
    releases: ['6.1'],
    changes: [['klpx_a                 SIZE  1\n', '']],
  },
  {
    key: 'transition-speed',
    ids: ['dd4.replace', 'cmd.load', 'cmd.disable', 'shadow.off1', 'prefix.load.p'],
    releases: ['6.12'],
    changes: [[/^livepatch: klp_try_switch_task: swapper.*\n/gm, '']],
  },
  {
    key: 'transition-speed',
    ids: ['dd2.reverse.quick'],
    releases: ['6.12'],
    changes: [
      ['echo: write error: Invalid argument', `${SAMPLE}/enabled: No such file or directory`],
    ],
  },
  {
    key: 'tool-newlines',
    ids: ['par.int[1\n]'],
    changes: [
      [
        /^rc=0\n1\n--- exit 0\n[\s\S]*/gm,
        'rc=1\n--- stderr\n/usr/bin/insmod: line LINE: printf: write error: Invalid argument\ncat: /sys/module/klpx_target/parameters/mode: No such file or directory\n--- exit 1\n',
      ],
    ],
  },
  {
    key: 'transition-speed',
    ids: ['trans.force'],
    changes: [['rc=0\n1\n0\n-1\n', 'rc=0\n1\n1\n1\n']],
  },
  {
    key: 'module-syscalls',
    ids: ['trans.second.strace', 'trans.rmmod'],
    changes: [
      [
        /^(?:finit_module[\s\S]*|rmmod: ERROR: Module klpx_a is in use\n)\+\+\+ exited with 1 \+\+\+\n/gm,
        'bash: line 1: strace: command not found\n',
      ],
      ['--- exit 1\n', '--- exit 127\n'],
    ],
  },
  {
    key: 'surroundings',
    ids: ['trans.reverse.after'],
    changes: [['drwxr-xr-x 15 root root 0 DATE ..', 'drwxr-xr-x 5 root root 0 DATE ..']],
  },
  {
    key: 'surroundings',
    ids: ['rel.livepatch.ls'],
    changes: [['drwxr-xr-x 15 root root 0 DATE ..', 'drwxr-xr-x 5 root root 0 DATE ..']],
  },
  {
    key: 'surroundings',
    ids: ['par.file.ls'],
    changes: [[/^drwxr-xr-x (?:68|96) root/gm, 'drwxr-xr-x 4 root']],
  },
  {
    key: 'removed-nodes',
    transport: 'fuse-native',
    ids: ['par.file.gone'],
    changes: [['cat: -: No such device', 'cat: -: No such file or directory']],
  },
  {
    key: 'call-traces',
    ids: ['obj.dupfunc', 'obj.dupobj', 'rel.fail.double', 'rel.fail.positive'],
    changes: [[/^CPU: [\s\S]*? <\/TASK>\n/gm, '']],
  },
  {
    key: 'load-average',
    ids: ['sym.twofuncs'],
    changes: [['klpx_a: f1 live patched\n', 'LOAD\n']],
  },
  {
    key: 'code-layout',
    ids: ['sym.twofuncs'],
    changes: [[/^(loadavg_proc_show .*\n)(version_proc_show .*\n)/gm, '$2$1']],
  },

  {
    key: 'replay-programs',
    ids: ['read.removed.fd'],
    transport: 'devfuse',
    changes: [[NO_DIRECTORY, `${NO_DIRECTORY}${NO_DIRECTORY}`]],
  },
  {
    key: 'replay-programs',
    ids: ['read.removed.cwd'],
    transport: 'devfuse',
    changes: [['touch: cannot', `${NO_DIRECTORY}touch: cannot`]],
  },
  {
    key: 'poll-changes',
    transport: 'fuse-native',
    ids: ['read.poll', 'read.poll.wronly', 'read.removed.fd', 'force.read.sys'],
    changes: [['revents=IN|PRI|OUT|ERR|RDNORM|', 'revents=IN|OUT|RDNORM|']],
  },
  {
    key: 'poll-changes',
    transport: 'fuse-native',
    ids: ['read.poll.wronly'],
    changes: [['select r=1 w=1 e=1 = 3', 'select r=1 w=1 e=0 = 2']],
  },
  {
    key: 'poll-changes',
    transport: 'fuse-native',
    ids: ['read.removed.poll'],
    changes: [['revents=PRI|ERR| = 1', 'revents= = 0']],
  },
  {
    key: 'append-offset',
    ids: ['enabled.write.to0.appendfd'],
    changes: [['lseek 0 CUR = 1', 'lseek 0 CUR = 4097']],
  },
  {
    key: 'directory-offsets',
    transport: 'fuse-native',
    ids: ['read.sys.fstat'],
    changes: [
      ['.:4:off=1 ', '.:4:off=hash '],
      ['off=INT_MAX', 'off=hash'],
    ],
  },
  {
    key: 'empty-write',
    ids: ['read.removed.fd'],
    changes: [['write0 = -1 ENODEV (No such device)', 'write0 = 0']],
  },
  {
    key: 'removed-nodes',
    transport: 'fuse-native',
    ids: ['read.removed.fd'],
    changes: [
      [/^fstat mode.*$/gm, `fstat ${GONE}`],
      ['lseek 0 END = 4096', `lseek 0 END ${GONE}`],
      ['ftruncate 0 = 0', `ftruncate 0 ${GONE}`],
      [/^getdents .*$/gm, `getdents ${GONE}`],
      ['openat .  ok', `openat . ${GONE}`],
      // The process stays where it was.
      ['fchdir = 0', `fchdir ${GONE}`],
      [`getcwd ${GONE}`, 'getcwd "/root" = 6'],
      [/^stat \. mode=40755 nlink=2 (.*) size=0 /gm, 'stat . mode=40755 nlink=2 $1 size=40 '],
      [/^stat \.\. mode=40755 nlink=2 (.*) size=0 /gm, 'stat .. mode=40755 nlink=15 $1 size=340 '],
      [/^--- stderr\nshell-init: .*\n/gm, ''],
    ],
  },
  {
    key: 'removed-nodes',
    transport: 'fuse-native',
    ids: ['read.removed.cwd'],
    changes: [
      [
        /^rc=0\ntotal 0\n[\s\S]*(?=--- stderr\n)/gm,
        `rc=2\nrc=2\nrc=1\n${SAMPLE}/vmlinux\n${SAMPLE}/vmlinux\nlrwxrwxrwx 1 root root 0 DATE /proc/self/cwd -> ${SAMPLE}/vmlinux\nrc=0\nrc=1\n`,
      ],
      [
        '--- stderr\n',
        "--- stderr\nls: cannot open directory '.': No such file or directory\nls: cannot open directory '.': No such file or directory\nls: cannot access '..': No such file or directory\n",
      ],
      [
        /^cd: error[\s\S]*(?=--- exit)/gm,
        "bash: line 1: cd: ..: No such file or directory\ntouch: cannot touch 'x': No such file or directory\nmkdir: cannot create directory 'y': No such file or directory\nbash: line 1: cd: .: No such file or directory\n",
      ],
    ],
  },
];

/** What klpfs is to answer where Linux answered `linux`. Throws if a change has nothing to change. */
export function withDifferences(release: RecordedRelease, id: string, linux: string): string {
  return DIFFERENCES.filter(
    ({ ids, releases, transport, unlessExists }) =>
      ids.includes(id) &&
      (transport ?? TRANSPORT.name) === TRANSPORT.name &&
      (releases?.includes(release) ?? true) &&
      !(unlessExists !== undefined && existsSync(unlessExists)),
  ).reduce((text, { key, changes }) => changes.reduce(applyChange(id, key), text), linux);
}

function applyChange(id: string, key: string) {
  return (text: string, [linux, klpfs]: Change): string => {
    const changed = text.replaceAll(linux, klpfs);
    if (changed === text) throw new Error(`${key} is no difference of ${id}: no ${linux}\n${text}`);
    return changed;
  };
}
