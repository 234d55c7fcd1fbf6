# what dynamic_debug/control takes and refuses, and the prefixes of what it lets through
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../guest/lib.sh
. /job/lib.sh

C=$D/dynamic_debug/control; export C
# q TEXT: clears the flags, writes the text (printf's escapes apply), shows the flags site by site.
export DEFS='q() { echo "file kernel/livepatch/* =_" > $C; printf "$@" > $C; echo "rc=$?"; grep kernel/livepatch $C | sed "s/.*livepatch\\]//; s/ \".*//"; }'
Q() { P "$1" "eval \"\$DEFS\"; q '%b' \"${2//\"/\\\"}\""; }

P control.stat 'ls -l $D/dynamic_debug/ /proc/dynamic_debug/; stat -c "%n %A %s %h" $C /proc/dynamic_debug/control; ls -ld $D /proc/dynamic_debug/ $D/dynamic_debug; head -1 $C; cmp $C /proc/dynamic_debug/control'
U control.user 'cat $C; head -1 /proc/dynamic_debug/control; echo x > /proc/dynamic_debug/control'

N "files"
Q file.path 'file kernel/livepatch/transition.c +p'
Q file.base 'file transition.c +p'
Q file.glob 'file */transition.c +p'
Q file.part 'file livepatch/transition.c +p'
Q file.directory 'file kernel/livepatch +p'
Q file.line 'file transition.c:75 +p'
Q file.lines 'file transition.c:75-320 +p'
Q file.func 'file transition.c:klp_init* +p'
Q file.func.glob 'file transition.c:*cancel* +p'
Q file.to 'file transition.c:-150 +p'
Q file.from 'file transition.c:500- +p'
Q file.nothing 'file transition.c: +p'
Q file.twice 'file a file b +p'
Q file.line.twice 'file transition.c:75 line 75 +p'
Q file.func.twice 'file transition.c:klp_x func klp_y +p'

N "lines"
Q line.one 'line 75 file transition.c +p'
Q line.range 'line 148-316 module livepatch +p'
Q line.to 'line -148 module livepatch +p'
Q line.from 'line 316- module livepatch +p'
Q line.open 'line - module livepatch +p'
Q line.zero 'line 0 module livepatch +p'
Q line.zero.twice 'line 0 line 75 module livepatch +p'
Q line.plus 'line +75 module livepatch +p'
Q line.backwards 'line 5-1 module livepatch +p'
Q line.text 'line abc module livepatch +p'
Q line.hex 'line 0x4b module livepatch +p'
Q line.tail 'line 75x module livepatch +p'
Q line.huge 'line 99999999999 module livepatch +p'
Q line.max 'line 4294967295 module livepatch +p'
Q line.minus 'line 75--1 module livepatch +p'
Q line.twice 'line 75 line 76 module livepatch +p'

N "functions, modules, formats, classes"
Q func.glob 'func klp_*_transition +p'
Q func.question 'func klp_try_switch_tas? +p'
Q func.case 'func klp_INIT_transition +p'
Q func.bracket 'func klp_[ic]* +p'
Q func.twice 'func a func b +p'
Q module.glob 'module live* +p'
Q module.twice 'module livepatch module livepatch +p'
Q module.absent 'module nosuch +p'
Q format.quoted 'format "is running" +p'
Q format.single "format 'is running' +p"
Q format.octal 'format is\\\\040running +p'
Q format.octal.quoted 'format "is\\\\040running" +p'
Q format.hex 'format is\\\\x20running +p'
Q format.tab 'format is\\\\trunning +p'
Q format.newline 'format "transition\\\\n" +p'
Q format.backslash 'format "a\\\\\\\\b" module livepatch +p'
Q format.quote 'format \\"a module livepatch +p'
Q format.anchor "format \"^'%s'\" module livepatch +p"
Q format.anchor.inside 'format ^running module livepatch +p'
Q format.empty 'format "" module livepatch +p'
Q format.twice 'format a format b +p'
Q class.absent 'class X module livepatch +p'

N "flags"
Q flags.all 'module livepatch +pmflt'
Q flags.order 'module livepatch =tlfmp'
Q flags.without.p 'module livepatch +t'
Q flags.none 'module livepatch +_'
Q flags.mixed 'module livepatch +p_m'
Q flags.nothing.set 'module livepatch ='
Q flags.nothing.added 'module livepatch +'
Q flags.removed 'module livepatch =pmf; module livepatch -mp'
Q flags.replaced 'module livepatch =pmf; module livepatch =l'
Q flags.removed.none 'module livepatch =p; module livepatch -_'
Q flags.unknown 'module livepatch +z'
Q flags.unknown.second 'module livepatch +pz'
Q flags.no.op 'module livepatch p'
Q flags.not.last 'module livepatch +p extra'

N "words"
Q words.odd 'module livepatch extra +p'
Q words.unknown 'bogus x +p'
Q words.alone 'bogus'
Q words.many 'a b c d e f g h i j k'
Q words.ten 'func a file b module c line 1 format d +p'
Q words.nine 'func klp_* module livepatch format init line 1-999 +p'
Q words.tab 'module\tlivepatch\t+p'
Q words.quoted '"module" "livepatch" "+p"'
Q words.quote.ends 'module "livepatch"+p'
Q words.quote.inside 'module live"patch" +p'
Q words.unclosed 'format "is running +p'
Q words.empty.last 'module livepatch ""'
Q words.semicolon 'format "a;b" module livepatch +p'
Q words.comment 'module livepatch +p # comment'
Q words.comment.early 'module livepatch #x +p'
Q words.vertical 'module\vlivepatch\f+p'

N "several commands"
Q many.semicolon 'module livepatch +p;module livepatch +m'
Q many.newline 'module livepatch +p\nmodule livepatch +m\n'
Q many.blank ';;\n  ;module livepatch +p;;'
Q many.comment '#comment\n# module livepatch +m;module livepatch +p'
Q many.bad 'module livepatch +p;bogus;module livepatch +m'
Q many.all.bad 'bogus;module livepatch +l;x +f'
Q many.nul 'module livepatch +p\0module livepatch +m'
Q many.percent 'module livepatch +p % module livepatch +m'
Q many.none ' '
P many.empty 'sysp open $C WRONLY , write0'

N "long writes"
P long.4095 'head -c 4095 /dev/zero | tr "\0" "#" > $C; echo rc=$?'
P long.4096 'head -c 4096 /dev/zero | tr "\0" "#" | dd of=$C bs=8192 iflag=fullblock 2>/dev/null; echo rc=$?'
P long.5000 'head -c 5000 /dev/zero | tr "\0" " " | dd of=$C bs=8192 iflag=fullblock 2>/dev/null; echo rc=$?'

N "reading"
P read.pieces 'sysp open $C RDWR , read 10 , read 20 , lseek 0 , read 10 , poll 50 , ftruncate 0 , close'
P read.append 'echo "module livepatch =_" >> $C; echo rc=$?'
P read.proc 'echo "func klp_init_transition +p" > /proc/dynamic_debug/control; echo rc=$?; grep klp_init $C; echo "module livepatch =_" > $C'

N "prefixes"
for flags in p pm pf pl pmfl pmf pml pfl m; do
  export flags
  W "prefix.load.$flags" 'echo "module livepatch =$flags" > $C; modprobe livepatch-sample; sleep 1'
  W "prefix.disable.$flags" 'echo 0 > $S/enabled'
  rmmod livepatch_sample
done
