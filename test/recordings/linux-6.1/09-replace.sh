# atomic replace: nops, dynamic objects, what is replaced, what remains
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

export WAIT='obj0=klpx_target w=1'

N "nothing older"
W rep.alone.load 'modprobe klpx_a f0=version_proc_show replace=1; echo rc=$?'
P rep.alone.tree 'tree; refs; procs'
W rep.alone.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P rep.alone.end 'tree; refs; procs; rmmod klpx_a; echo rc=$?'

N "one older, another function"
W rep.one.old 'modprobe test_klp_livepatch; echo rc=$?'
W rep.one.load 'modprobe test_klp_atomic_replace replace=1; echo rc=$?'
P rep.one.tree 'tree; refs; procs; ls $K'
P rep.one.old.gone 'cat $K/test_klp_livepatch/enabled; echo rc=$?; cat $M/test_klp_livepatch/{initstate,taint}'
P rep.one.old.again 'modprobe test_klp_livepatch; echo rc=$?; insmod $X/test_klp_livepatch.ko; echo rc=$?; ls $K'
P rep.one.old.rmmod 'rmmod test_klp_livepatch; echo rc=$?; refs'
W rep.one.old.reload 'modprobe test_klp_livepatch; echo rc=$?'
P rep.one.stacked 'tree; refs; procs'
W rep.one.disable 'echo 0 > $K/test_klp_atomic_replace/enabled; echo rc=$?'
P rep.one.disabled 'tree; refs; procs'
P rep.one.rmmod 'rmmod test_klp_atomic_replace; echo rc=$?'
W rep.one.end 'echo 0 > $K/test_klp_livepatch/enabled; echo rc=$?'
P rep.one.end.rmmod 'rmmod test_klp_livepatch; echo rc=$?; refs; procs'

N "three older, in vmlinux and in a module; a reader holds the transition open"
modprobe klpx_target
W rep.open.a 'modprobe klpx_a f0=version_proc_show; echo rc=$?'
W rep.open.b 'modprobe klpx_b obj0=klpx_target f0=klpx_value_show obj1=vmlinux g0=uptime_proc_show; echo rc=$?'
W rep.open.lp 'modprobe test_klp_livepatch; echo rc=$?'
P rep.open.before 'tree; refs; procs'
start_reader 2
PS 1500 rep.open.load 'modprobe klpx_c $WAIT f0=klpx_second_show replace=1; echo rc=$?'
P rep.open.tree 'tree; refs'
P rep.open.procs 'procs'
P rep.open.ls 'ls -l $K/klpx_c/klpx_target; ls -a $K/klpx_c/vmlinux/cmdline_proc_show,1'
P rep.open.functions 'sort $T/enabled_functions'
P rep.open.states 'cat /proc/$SP/patch_state /proc/1/patch_state'
P rep.open.old.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?; cat $K/klpx_a/{enabled,transition}'
P rep.open.old.same 'echo 1 > $K/klpx_a/enabled; echo rc=$?'
P rep.open.old.bad 'echo 2 > $K/test_klp_livepatch/enabled; echo rc=$?'
P rep.open.old.force 'echo 1 > $K/klpx_a/force; echo rc=$?; echo 0 > $K/klpx_a/force; echo rc=$?'
P rep.open.old.rmmod 'rmmod klpx_a; echo rc=$?'
W rep.open.reverse 'echo 0 > $K/klpx_c/enabled; echo rc=$?'
P rep.open.reversed 'tree; refs; procs'
P rep.open.functions.again 'sort $T/enabled_functions'
P rep.open.reversed.rmmod 'rmmod klpx_c; echo rc=$?'

N "the same once more, until it completes"
PS 1500 rep.done.load 'modprobe klpx_c $WAIT f0=klpx_second_show replace=1; echo rc=$?'
P rep.done.open 'tree; refs; procs'
P rep.done.rmmod.open 'rmmod klpx_b; echo rc=$?; rmmod klpx_c; echo rc=$?'
W rep.done.release 'echo 1 > $M/klpx_target/parameters/release; sleep 0.5'
stop_reader
P rep.done.tree 'tree; refs; procs'
P rep.done.functions 'sort $T/enabled_functions'
P rep.done.gone 'echo 0 > $K/klpx_b/enabled; echo rc=$?; modprobe klpx_b; echo rc=$?; ls $K'
P rep.done.rmmod 'rmmod klpx_a klpx_b; echo rc=$?; modprobe -r test_klp_livepatch; echo rc=$?; refs'
W rep.done.a.again 'modprobe klpx_a f0=version_proc_show; echo rc=$?'
P rep.done.stacked 'tree; refs; procs'
W rep.done.disable 'echo 0 > $K/klpx_c/enabled; echo rc=$?'
P rep.done.disabled 'tree; refs; procs; rmmod klpx_c; echo rc=$?'

N "a newer version of the same function, klpx_a being enabled; then a newer one again"
W rep.newer.b 'modprobe klpx_b f1=version_proc_show replace=1; echo rc=$?'
P rep.newer.b.tree 'tree; refs; procs; sort $T/enabled_functions'
W rep.newer.c 'rmmod klpx_a; modprobe klpx_c f0=version_proc_show replace=1; echo rc=$?'
P rep.newer.c.tree 'tree; refs; procs'
W rep.newer.a 'modprobe klpx_a f1=version_proc_show f0=uptime_proc_show replace=1; echo rc=$?'
P rep.newer.a.tree 'tree; refs; procs; rmmod klpx_b klpx_c; echo rc=$?'
W rep.newer.end 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P rep.newer.end.tree 'tree; refs; procs; rmmod klpx_a; echo rc=$?'

N "a newer version of the same function while the transition is open"
W rep.same.a 'modprobe klpx_a f0=version_proc_show f1=uptime_proc_show; echo rc=$?'
start_reader 2
PS 1500 rep.same.b 'modprobe klpx_b $WAIT obj1=vmlinux g0=version_proc_show replace=1; echo rc=$?'
P rep.same.tree 'tree; refs; procs'
W rep.same.reverse 'echo 0 > $K/klpx_b/enabled; echo rc=$?'
P rep.same.reversed 'tree; refs; procs; rmmod klpx_b; echo rc=$?'
stop_reader
W rep.same.again 'modprobe klpx_b $WAIT obj1=vmlinux g0=version_proc_show replace=1; echo rc=$?'
P rep.same.done 'tree; refs; procs; rmmod klpx_a; echo rc=$?'
W rep.same.end 'echo 0 > $K/klpx_b/enabled; echo rc=$?'
rmmod klpx_b

N "a reader sleeps in a function that gets replaced by a nop"
W rep.nop.a 'modprobe klpx_a $WAIT hold_wait=1; echo rc=$?'
start_reader 2
P rep.nop.stack 'cat /proc/$SP/stack'
PS 1500 rep.nop.b 'modprobe klpx_b f0=version_proc_show replace=1; echo rc=$?'
P rep.nop.tree 'tree; refs; procs; cat /proc/$SP/patch_state'
W rep.nop.release 'echo 0 > $M/klpx_a/parameters/hold_wait; sleep 0.5'
stop_reader
P rep.nop.done 'tree; refs; procs; rmmod klpx_a; echo rc=$?'
W rep.nop.end 'echo 0 > $K/klpx_b/enabled; echo rc=$?'
rmmod klpx_b
