# module parameters: what insmod and sysfs take and refuse
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

export B=$M/test_klp_callbacks_busy/parameters/block_transition
export I=$M/klpx_target/parameters/mode
MODULE=test_klp_callbacks_busy

N "int, at insmod; the module goes again"
for value in 1 0 -1 +1 007 010 08 0x10 0X1f 0x 0xg 1x ' 1' '1 ' '' - + abc 1.5 1e3 1_000 \
  2147483647 2147483648 -2147483648 -2147483649 4294967295 4294967296 18446744073709551616 99999999999999999999 \
  '"1"' "'1'" '"1 2"' '1,2' ',1' 0b1 $'1\n'; do
  P "par.int[$value]" "insmod \$X/klpx_target.ko mode=${value@Q}; echo rc=\$?; cat \$I; rmmod klpx_target 2>/dev/null"
done

N "the same by modprobe"
for value in 1 0x10 ' 1' '' abc '"1"' "'1'" 2147483648; do
  P "par.modprobe[$value]" "modprobe klpx_target mode=${value@Q}; echo rc=\$?; cat \$I; modprobe -r klpx_target 2>/dev/null"
done

N "names"
P par.name.none 'insmod $X/klpx_target.ko mode; echo rc=$?'
P par.name.unknown 'insmod $X/klpx_target.ko nosuch=1; echo rc=$?; rmmod klpx_target'
P par.name.unknown.none 'insmod $X/klpx_target.ko nosuch; echo rc=$?; rmmod klpx_target'
P par.name.unknown.two 'insmod $X/klpx_target.ko nosuch=1 mode=2 other="a b"; echo rc=$?; cat $I; rmmod klpx_target'
P par.name.twice 'insmod $X/klpx_target.ko mode=1 mode=2; echo rc=$?; cat $I; rmmod klpx_target'
P par.name.bad.second 'insmod $X/klpx_target.ko mode=1 release=x kthr=y; echo rc=$?'
P par.name.dash 'insmod $X/test_klp_callbacks_busy.ko block-transition=N; echo rc=$?; cat $B; rmmod test_klp_callbacks_busy'
P par.name.case 'insmod $X/klpx_target.ko MODE=1; echo rc=$?; cat $I; rmmod klpx_target'
P par.name.module 'insmod $X/klpx_target.ko klpx_target.mode=1; echo rc=$?; cat $I; rmmod klpx_target'
P par.name.blank 'insmod $X/klpx_target.ko "mode =1"; echo rc=$?; rmmod klpx_target 2>/dev/null; insmod $X/klpx_target.ko "mode= 1"; echo rc=$?; rmmod klpx_target 2>/dev/null'
P par.name.joined 'insmod $X/klpx_target.ko "mode=1 release=1"; echo rc=$?; cat $I $M/klpx_target/parameters/release; rmmod klpx_target'
P par.name.empty 'insmod $X/klpx_target.ko ""; echo rc=$?; rmmod klpx_target; insmod $X/klpx_target.ko =; echo rc=$?; rmmod klpx_target; insmod $X/klpx_target.ko =1; echo rc=$?; rmmod klpx_target'
P par.name.comment 'insmod $X/klpx_target.ko -- mode=x; echo rc=$?; cat $I; rmmod klpx_target'
P par.name.dyndbg 'insmod $X/klpx_target.ko dyndbg=+p; echo rc=$?; rmmod klpx_target; insmod $X/klpx_target.ko dyndbg; echo rc=$?; rmmod klpx_target; insmod $X/klpx_target.ko dyndbg=x; echo rc=$?; rmmod klpx_target'
P par.name.async 'insmod $X/klpx_target.ko async_probe=1; echo rc=$?; rmmod klpx_target'

N "bool"
for value in y Y n N 1 0 t T f F on On ON off oF yes no true false enable o 2 '' ' 1' 1x nope; do
  [[ $value =~ ^(y|Y|1|t|T|on|On|ON|yes|true|1x)$ ]] && release="; echo N > \$B" || release=
  P "par.bool[$value]" "insmod \$X/$MODULE.ko block_transition=${value@Q}; echo rc=\$?; cat \$B$release; rmmod $MODULE 2>/dev/null"
done
P par.bool.none "insmod \$X/$MODULE.ko block_transition; echo rc=\$?; cat \$B; rmmod $MODULE"

N "text"
for value in '' vmlinux 'a b' '"a b"' '"' 'a"b' "a'b" 'a=b' 'a,b' 'a\b' '""' '"a"b'; do
  P "par.text[$value]" "insmod \$X/klpx_a.ko noobjs=1 obj1=${value@Q}; echo rc=\$?"
done
P par.text.long 'insmod $X/klpx_a.ko noobjs=1 f0=$(printf %01024d 7); echo rc=$?; insmod $X/klpx_a.ko noobjs=1 f0=$(printf %01023d 7); echo rc=$?'
P par.text.none 'insmod $X/klpx_a.ko noobjs=1 f0; echo rc=$?'
W par.text.files 'insmod $X/klpx_a.ko f0=version_proc_show "obj1=a b" "g0=c d" state_ver=-5; echo rc=$?'
P par.text.read 'grep . $M/klpx_a/parameters/*; ls -l $M/klpx_a/parameters; ls $K/klpx_a'
P par.text.write 'echo x > $M/klpx_a/parameters/f0; echo rc=$?; chmod 644 $M/klpx_a/parameters/f0; echo x > $M/klpx_a/parameters/f0; echo rc=$?; cat $M/klpx_a/parameters/f0'
W par.text.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P par.text.rmmod 'rmmod klpx_a; echo rc=$?'

N "in sysfs"
modprobe klpx_target mode=7
modprobe test_klp_callbacks_busy
P par.file.ls 'ls -la $M/klpx_target/parameters $M/klpx_target; stat -c "%n %A %s" $I $B'
for value in 1 -1 +1 010 0x10 0x 1x ' 1' '1 ' '' abc 2147483647 2147483648 -2147483648 -2147483649 99999999999999999999 '"1"'; do
  P "par.file.int[$value]" "echo ${value@Q} > \$I; echo rc=\$?; cat \$I"
done
for value in y N 1 0 true off '' 2 ' 1' on o; do
  P "par.file.bool[$value]" "echo ${value@Q} > \$B; echo rc=\$?; cat \$B"
done
P par.file.raw 'printf 5 > $I; cat $I; printf "6\n\n" > $I; echo rc=$?; printf "7\n8" > $I; echo rc=$?; printf "9\0" > $I; echo rc=$?; printf "9\0x" > $I; echo rc=$?; cat $I'
P par.file.calls 'sysp open $I RDWR , read 1 , read 10 , lseek 0 , write 3 , pread 10 0 , pwrite 4 100 , pread 10 0 , write "" , writen 5 5000 5 , lseek 0 END , fstat'
P par.file.zeros 'printf "%04000d1" 0 > $I; echo rc=$?; cat $I; printf "%04095d1" 0 > $I; echo rc=$?; printf "%04096d1" 0 > $I; echo rc=$?; cat $I'
P par.file.readonly 'echo 1 > $M/klpx_target/parameters/kthr; echo rc=$?; chmod 644 $M/klpx_target/parameters/kthr; echo 1 > $M/klpx_target/parameters/kthr; echo rc=$?; cat $M/klpx_target/parameters/kthr'
P par.file.create 'echo 1 > $M/klpx_target/parameters/other; echo rc=$?; rm $I; echo rc=$?; mkdir $M/klpx_target/parameters/x; echo rc=$?'
U par.file.user 'cat $I $B; echo 1 > $I; echo rc=$?; insmod $X/klpx_a.ko; echo rc=$?; rmmod klpx_target; echo rc=$?'
P par.file.gone 'exec 3<$I; exec 4>$B; cat <&3; rmmod klpx_target test_klp_callbacks_busy; echo rc=$?; cat <&3; echo rc=$?; echo 1 >&4; echo rc=$?; ls $M | grep klp'
W par.file.none 'modprobe test_klp_livepatch; ls $M/test_klp_livepatch; cat $M/test_klp_livepatch/parameters/x'
W par.file.none.disable 'echo 0 > $K/test_klp_livepatch/enabled'
P par.file.none.rmmod 'rmmod test_klp_livepatch; echo rc=$?; lsmod'
