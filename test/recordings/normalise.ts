/** What differs from boot to boot on Linux, too, or from host to host, and so is not compared. */

interface Rule {
  readonly what: RegExp;
  readonly becomes: string;
  readonly because: string;
}

// biome-ignore format: the columns are the point
const RULES: readonly Rule[] = [
  { what: /\b0x[\da-f]{16}\b/g,                      becomes: '0xADDRESS',     because: 'addresses are random' },
  { what: /\+0x[\da-f]+\/0x[\da-f]+/g,               becomes: '+OFFSET/SIZE',  because: 'depends on the compiler' },
  { what: /(?<=SIZE\\n" = )\d+$/gm,                  becomes: 'LENGTH',        because: 'of text with offsets and sizes' },
  { what: /\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d\b/g,    becomes: 'DATE',          because: 'ls -l: when it was recorded' },
  { what: / copied, .*$/gm,                          becomes: ' copied, TIME', because: 'dd: duration and throughput' },
  { what: /\/sed[A-Za-z\d]{6}(?=:)/g,                becomes: '/sedXXXXXX',    because: 'sed -i: a random name' },
  { what: /\bdev=\d+:\d+/g,                          becomes: 'dev=DEVICE',    because: 'numbered as mounted' },
  { what: /^\d+ (?=\/sys INO$)/gm,                   becomes: 'DEVICE ',       because: 'numbered as mounted' },
  { what: /(?<=\/proc\/)(?!(?:1|2|99999)\/)\d+(?=\/)/g, becomes: 'PID',        because: 'the clients are new processes' },
  { what: /(?<=^creat .* = )\d+$/gm,                 becomes: 'DESCRIPTOR',    because: 'depends on what the shell left open' },
  { what: /(?<=\(\S+\)=)-?[01](?= )/g,                   becomes: 'STATE',         because: 'patch_state in a transition: depends on how fast one looks' },
  { what: /(?<=^[-dlbcps][-rwxstST]{9}) +(\d+) (\w+) (\w+) +(\d+) /gm, becomes: ' $1 $2 $3 $4 ', because: 'ls -l: columns are as wide as the widest entry' },
  { what: /(\[mask=0x20 (.*?)\]) (\[mask=0x2 \2\])/g, becomes: '$3 $1',        because: 'since Linux 6.5 an open with O_TRUNC reports the opening first' },
  { what: /^(?:hrtimer: interrupt took|clocksource: Long readout) .*\n/gm, becomes: '',              because: 'the recording was made on a slow machine' },
  { what: /(?<=\bcat:)\d+(?= is )/g,                  becomes: 'PID',           because: 'the clients are new processes' },
  { what: /(?<=^(?:pid=|stuck pid ))\d+/gm,          becomes: 'PID',           because: 'the clients are new processes' },
  { what: /(?<=\/proc\/PID\/task\/|kthread |kill: \()\d+/g, becomes: 'PID',  because: 'the clients are new processes' },
  { what: /^(real|user|sys)\t.*$/gm,                 becomes: '$1 TIME',       because: 'time(1)' },
  { what: /(?<=^(?:klpx|livepatch_shadow)_\w+ +)\d+(?= +\d)|(?<=^(?:coresize|initsize): )[1-9]\d*/gm, becomes: 'SIZE', because: 'depends on the compiler' },
  { what: /^(second insmod rc=[01]\n)(rc=0\n)/gm,     becomes: '$2$1',         because: 'two processes: who prints first is chance' },
  { what: /^(insmod: ERROR: .*: File exists\n)(\nreal TIME\nuser TIME\nsys TIME\n)/gm, becomes: '$2$1', because: 'two processes: who prints first is chance' },
  { what: /^\d+\.\d\d (?=transition=)/gm,           becomes: 'UPTIME ',       because: 'seconds since boot' },
  { what: /^livepatch: klp_try_switch_task: cat:PID is running\n/gm, becomes: '', because: 'it looks ten times a second whether it may go on' },
  { what: /^(livepatch: klp_try_switch_task: .*\n)\1+/gm, becomes: '$1',       because: 'one a second: how many depends on when one looks' },
  { what: /(?<=^--- dmesg\n)livepatch: klp_try_switch_task: .*\n(?=livepatch: '\w+': reversing)/gm, becomes: '', because: 'a pass just before, or not' },
  { what: /^\/proc\/\d+ kworker\S+$/gm,              becomes: '/proc/PID kworker', because: 'which of them is free' },
  { what: /^0\.00 0\.00 0\.00 \d+\/\d+ \d+$/gm,      becomes: 'LOAD',          because: 'of another machine' },
  { what: /^(.* starting patching transition\n)((?:.*(?:completing|post_patch|patching complete).*\n)+)(klpx_[abc]: klp_enable_patch returned 0\n)/gm, becomes: '$1$3$2', because: 'whether the transition is over before klp_enable_patch() is' },
  { what: /(?<=^start=|(?:returned|done|gone)=)\d+\.\d\d/gm, becomes: 'UPTIME',     because: 'seconds since boot' },
  { what: /^(?:livepatch_shadow_fix\d: livepatch_fix\d_)?(?:dummy_\w+: dummy|dummy_\w+ @|cleanup_work_func:).*\n/gm, becomes: '', because: 'work of the shadow samples, every one and every three seconds: which command is running then is chance' },
  { what: /(?<=^\/usr\/bin\/\w+: line )\d+/gm,       becomes: 'LINE',          because: 'of a script of klpfs' },
  { what: /(?<=\(OEK\+\)\n1\n)[01]$/gm, becomes: 'TRANSITION', because: 'a second and a half after a load, which may take longer' },
  { what: /^[01]\n(?=-1\n-1\n|--- stderr\ncat: \/proc\/PID\/patch_state)/g, becomes: 'TRANSITION\n', because: 'a second and a half after a load, which may take longer' },
  { what: /^--- dmesg\n(?![\s\S])/gm,                becomes: '',              because: 'nothing is left of it' },
  { what: /(?<=swapper\/)[01](?=:0 is running)/g,    becomes: 'CPU',           because: 'which cpu the writer is not on' },
];

/** Two transcripts that are normalised are equal exactly if klpfs answered as Linux did. */
export function normalise(transcript: string): string {
  return numberTimes(
    settleRaces(
      listOnce(
        RULES.reduce((normal, { what, becomes }) => normal.replace(what, becomes), transcript),
      ),
    ),
  );
}

/** A list of processes with their patch states: of all, or of kernel threads. */
const PROCESSES = /^(?:\S*=(?:STATE|-?[01])? ){20,}$/m;

/**
 * Pids and how many kworkers there are differ from boot to boot: what counts is who is there, by
 * name, in which state. Who ended while the list was made has no name.
 */
function listOnce(transcript: string): string {
  const list = PROCESSES.exec(transcript)?.[0];
  if (list === undefined) return transcript;
  const named = list
    .trimEnd()
    .split(' ')
    .map((entry) => entry.replace(/^\d+\((.*)\)=/, '$1=').replace(/^kworker\/.*=/, 'kworker='))
    .filter((entry) => !entry.startsWith('='));
  return transcript.replace(list, [...new Set(named)].sort().join(' '));
}

/** Lines of commands that ran side by side, each with its name and its status. */
const RACE = /^(?:\S+ rc=\d\n){2,}/m;

/** Who wins a race is chance, how many win is not: racers lose their names, and are in order. */
function settleRaces(transcript: string): string {
  const race = RACE.exec(transcript)?.[0];
  if (race === undefined) return transcript;
  const racers = race.trimEnd().split('\n');
  const ranking = racers.map((line) => line.replace(/^\S+/, 'RACER')).sort();
  const names = racers.map((line) => line.replace(/ .*/, '')).filter((name) => name.length > 1);
  return names.reduce(
    (settled, name) => settled.replace(new RegExp(name.replace(/-/g, '[-_]'), 'g'), 'RACER'),
    transcript.replace(race, `${ranking.join('\n')}\n`),
  );
}

/** `date +%s`, or a time of `stat`. */
const TIME = /^\d{10}$|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} \+0000/gm;

/**
 * Moments become T1, T2, ... in the order in which they are mentioned. Times less than a second
 * apart are one moment: `date +%s` knows no more. The one that a probe sets itself stays.
 */
function numberTimes(transcript: string): string {
  const moments: number[] = [];
  return transcript.replace(TIME, (text) => {
    if (text.startsWith('2001-01-01')) return text;
    const timeMs = text.length === 10 ? Number(text) * 1000 : Date.parse(toIso(text));
    const known = moments.findIndex((moment) => Math.abs(moment - timeMs) < 1000);
    return `T${known < 0 ? moments.push(timeMs) : known + 1}`;
  });
}

/** From `2026-11-22 07:13:26.452000000 +0000` to what Date can read. */
function toIso(time: string): string {
  return `${time.slice(0, 10)}T${time.slice(11, 23)}Z`;
}
