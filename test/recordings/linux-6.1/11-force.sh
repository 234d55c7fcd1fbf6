# force: while patching, unpatching, replacing, reversing; who can be unloaded afterwards
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

export WAIT='obj0=klpx_target w=1' L=$K/test_klp_livepatch
DEBUG='echo "file kernel/livepatch/* +p; func klp_try_switch_task -p" > $D/dynamic_debug/control'

modprobe klpx_target
eval "$DEBUG"

N "no transition"
W frc.idle.load 'modprobe test_klp_livepatch; echo rc=$?'
for value in 0 n off false 1 y on true 2 '' ' 1' 1x 0x; do
  P "frc.idle[$value]" "echo '$value' > \$L/force; echo rc=\$?"
done
P frc.idle.mode 'ls -l $L/force; cat $L/force; echo rc=$?; echo 1 >> $L/force; echo rc=$?; printf 0 > $L/force; echo rc=$?'
U frc.idle.user 'echo 0 > $L/force; echo rc=$?; cat $L/force'
P frc.idle.calls 'sysp open $L/force WRONLY , write 0 , write 1 , write 00 , write "" , pwrite 0 100 , lseek 0 CUR'

N "patching, a reader asleep in the old function; another patch is enabled"
start_reader 2
PS 1500 frc.patch.load 'modprobe klpx_a $WAIT f0=klpx_value_show; echo rc=$?'
for value in 0 n off 2 '' x; do
  P "frc.patch[$value]" "echo '$value' > \$K/klpx_a/force; echo rc=\$?; cat \$K/klpx_a/transition"
done
P frc.patch.other 'echo 1 > $L/force; echo rc=$?; echo 0 > $L/force; echo rc=$?'
U frc.patch.user 'echo 1 > $K/klpx_a/force; echo rc=$?'
W frc.patch.force 'echo 1 > $K/klpx_a/force; echo rc=$?; cat /proc/$SP/patch_state'
P frc.patch.forced 'tree $K/klpx_a; refs; procs; cat /proc/$SP/patch_state'
P frc.patch.again 'echo 1 > $K/klpx_a/force; echo rc=$?; rmmod klpx_a; echo rc=$?'
W frc.patch.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P frc.patch.rmmod 'refs; procs; rmmod klpx_a; echo rc=$?'

N "patching, forced twice before the next pass"
PS 1500 frc.twice.load 'modprobe klpx_a $WAIT; echo rc=$?'
W frc.twice.force 'echo y > $K/klpx_a/force; echo on > $K/klpx_a/force; echo rc=$?'
W frc.twice.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P frc.twice.rmmod 'rmmod klpx_a; echo rc=$?'
stop_reader

N "unpatching, a reader asleep in the new function, reversed, then unpatching again and forced"
W frc.unp.load 'modprobe klpx_a $WAIT f0=klpx_value_show hold_wait=1; echo rc=$?'
start_reader 2
PS 1500 frc.unp.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P frc.unp.tree 'tree; refs; procs; cat /proc/$SP/patch_state'
W frc.unp.reverse 'echo 1 > $K/klpx_a/enabled; echo rc=$?'
P frc.unp.reversed 'tree $K/klpx_a; refs; procs; echo 1 > $K/klpx_a/force; echo rc=$?'
PS 1500 frc.unp.again 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
W frc.unp.force 'echo 1 > $K/klpx_a/force; echo rc=$?; cat /proc/$SP/patch_state'
P frc.unp.forced 'tree; refs; procs; cat /proc/$SP/patch_state; sort $T/enabled_functions'
P frc.unp.rmmod 'rmmod klpx_a; echo rc=$?; modprobe -r klpx_a; echo rc=$?; cat $M/klpx_a/{initstate,taint}; grep klpx_a /proc/modules | cut -d" " -f3,4,5,7'
P frc.unp.reload 'modprobe klpx_a $WAIT; echo rc=$?; insmod $X/klpx_a.ko; echo rc=$?; ls $K'
P frc.unp.release 'echo 0 > $M/klpx_a/parameters/hold_wait; sleep 0.5; cat /tmp/w.out'
stop_reader
P frc.unp.rmmod.still 'rmmod klpx_a; echo rc=$?; refs'
P frc.unp.other 'cat /proc/cmdline; rmmod klpx_target; echo rc=$?; modprobe klpx_target; echo rc=$?; procs'
W frc.unp.other.disable 'echo 0 > $L/enabled; echo rc=$?'
P frc.unp.other.rmmod 'rmmod test_klp_livepatch; echo rc=$?; refs'

N "replacing, a reader asleep in the old function"
W frc.rep.old 'modprobe klpx_b obj0=klpx_target f0=klpx_value_show obj1=vmlinux g0=version_proc_show; echo rc=$?'
W frc.rep.lp 'modprobe test_klp_livepatch; echo rc=$?'
start_reader 2
PS 1500 frc.rep.load 'modprobe klpx_c $WAIT f0=klpx_second_show replace=1; echo rc=$?'
P frc.rep.tree 'tree $K/klpx_c; refs; procs'
P frc.rep.old.force 'echo 1 > $K/klpx_b/force; echo rc=$?'
W frc.rep.force 'echo 1 > $K/klpx_c/force; echo rc=$?'
P frc.rep.forced 'tree; refs; procs; sort $T/enabled_functions'
P frc.rep.rmmod 'rmmod klpx_b; echo rc=$?; rmmod test_klp_livepatch; echo rc=$?'
P frc.rep.reload 'modprobe klpx_b f0=version_proc_show; echo rc=$?; insmod $X/test_klp_livepatch.ko; echo rc=$?; ls $K'
stop_reader
W frc.rep.disable 'echo 0 > $K/klpx_c/enabled; echo rc=$?'
P frc.rep.disabled 'tree; refs; procs; rmmod klpx_c; echo rc=$?'

N "replacing, reversed and forced: what would have been replaced stays"
W frc.back.old 'modprobe test_klp_atomic_replace; echo rc=$?'
W frc.back.c 'modprobe klpx_c $WAIT hold_wait=1; echo rc=$?'
start_reader 2
P frc.back.in.new 'cat /proc/$SP/stack | sed "s/+.* \\[/ [/; s/+.*//"'
PS 1500 frc.back.load 'modprobe test_klp_callbacks_demo2 replace=1; echo rc=$?'
P frc.back.tree 'tree; refs; procs'
W frc.back.reverse 'echo 0 > $K/test_klp_callbacks_demo2/enabled; echo rc=$?'
P frc.back.reversed 'tree; refs; procs; rmmod test_klp_callbacks_demo2; echo rc=$?'
PS 1500 frc.back.again 'modprobe test_klp_callbacks_demo2 replace=1; echo rc=$?'
W frc.back.force 'echo 1 > $K/test_klp_callbacks_demo2/force; echo rc=$?; cat /proc/$SP/patch_state'
P frc.back.forced 'tree; refs; procs; sort $T/enabled_functions'
P frc.back.rmmod 'rmmod klpx_c; echo rc=$?; rmmod test_klp_atomic_replace; echo rc=$?'
P frc.back.release 'echo 0 > $M/klpx_c/parameters/hold_wait; sleep 0.5; cat /tmp/w.out'
stop_reader
W frc.back.end 'echo 0 > $K/test_klp_callbacks_demo2/enabled; echo rc=$?'
P frc.back.end.rmmod 'rmmod test_klp_callbacks_demo2; echo rc=$?; refs'
