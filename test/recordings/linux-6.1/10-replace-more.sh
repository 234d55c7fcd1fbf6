# atomic replace and modules that come and go, symbol positions, failures, patches without functions
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

export BUSY=$M/test_klp_callbacks_busy/parameters/block_transition
export WORK='obj0=test_klp_callbacks_busy f0=busymod_work_func'

N "the older patch's module is not loaded, comes and goes in the transition"
W rep.mod.a 'modprobe klpx_a obj0=klpx_target f0=klpx_value_show obj1=vmlinux g0=version_proc_show; echo rc=$?'
P rep.mod.busy 'modprobe test_klp_callbacks_busy block_transition=Y; echo rc=$?'
PS 1500 rep.mod.b 'modprobe klpx_b $WORK replace=1; echo rc=$?'
P rep.mod.tree 'tree; refs; procs'
P rep.mod.coming 'modprobe klpx_target; echo rc=$?'
P rep.mod.coming.tree 'tree; refs; procs'
P rep.mod.functions 'sort $T/enabled_functions'
P rep.mod.going 'rmmod klpx_target; echo rc=$?; tree'
P rep.mod.coming.again 'modprobe klpx_target; echo rc=$?'
W rep.mod.release 'echo N > $BUSY; sleep 0.5'
P rep.mod.done 'tree; refs; procs'
P rep.mod.done.going 'rmmod klpx_target; echo rc=$?; modprobe klpx_target; echo rc=$?; tree; procs'
P rep.mod.done.rmmod 'rmmod klpx_a; echo rc=$?; rmmod test_klp_callbacks_busy; echo rc=$?; tree'
W rep.mod.end 'echo 0 > $K/klpx_b/enabled; echo rc=$?'
P rep.mod.end.rmmod 'rmmod klpx_b klpx_target; echo rc=$?; refs'

N "the target goes while the transition is reversed, and comes after it"
modprobe klpx_target
W rep.back.a 'modprobe klpx_a obj0=klpx_target f0=klpx_value_show; echo rc=$?'
P rep.back.busy 'modprobe test_klp_callbacks_busy block_transition=Y; echo rc=$?'
PS 1500 rep.back.b 'modprobe klpx_b $WORK obj1=klpx_target g0=klpx_second_show replace=1; echo rc=$?'
P rep.back.tree 'tree; procs'
P rep.back.going 'rmmod klpx_target; echo rc=$?'
W rep.back.reverse 'echo 0 > $K/klpx_b/enabled; echo rc=$?'
P rep.back.reversed 'tree; refs'
P rep.back.coming 'modprobe klpx_target; echo rc=$?; tree; procs'
P rep.back.rmmod 'echo N > $BUSY; sleep 0.5; rmmod test_klp_callbacks_busy klpx_b; echo rc=$?'
W rep.back.end 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P rep.back.end.rmmod 'rmmod klpx_a klpx_target; echo rc=$?'

N "symbol positions 0 and 1 are the same function: no nop"
W rep.pos.1 'modprobe klpx_a f0=version_proc_show s0=1; echo rc=$?'
W rep.pos.1.by.0 'modprobe klpx_b f0=version_proc_show replace=1; echo rc=$?'
P rep.pos.1.by.0.tree 'tree; refs; procs; rmmod klpx_a; echo rc=$?'
W rep.pos.0.by.1 'modprobe klpx_c f0=version_proc_show s0=1 replace=1; echo rc=$?'
P rep.pos.0.by.1.tree 'tree; refs; procs; rmmod klpx_b; echo rc=$?'
P rep.pos.2 'modprobe klpx_a f0=version_proc_show s0=2 replace=1; echo rc=$?; tree; refs'
W rep.pos.end 'echo 0 > $K/klpx_c/enabled; echo rc=$?'
P rep.pos.rmmod 'rmmod klpx_c; echo rc=$?; refs'

N "what fails leaves the older patches as they were"
W rep.fail.a 'modprobe klpx_a f0=version_proc_show cb=1; echo rc=$?'
P rep.fail.callback 'modprobe klpx_b f0=cmdline_proc_show cb=1 pre_ret=-19 replace=1; echo rc=$?; tree; refs; procs'
P rep.fail.symbol 'modprobe klpx_b f0=nosuch_symbol replace=1; echo rc=$?; tree; refs'
P rep.fail.trace 'modprobe klpx_b f0=do_syscall_64 replace=1; echo rc=$?; tree; refs; procs'
P rep.fail.noobjs 'modprobe klpx_b noobjs=1 replace=1; echo rc=$?'
P rep.fail.nofuncs 'modprobe klpx_b obj0=klpx_target nofuncs=1 replace=1; echo rc=$?; tree'
P rep.fail.unmarked 'modprobe klpx_nolp f0=cmdline_proc_show replace=1; echo rc=$?'
P rep.fail.functions 'sort $T/enabled_functions'
W rep.fail.then 'modprobe klpx_b f0=cmdline_proc_show cb=1 replace=1; echo rc=$?'
P rep.fail.done 'tree; refs; procs; rmmod klpx_a; echo rc=$?'

N "replaced by a patch without functions"
W rep.none.load 'modprobe test_klp_callbacks_demo2 replace=1; echo rc=$?'
P rep.none.tree 'tree; refs; procs; sort $T/enabled_functions; rmmod klpx_b; echo rc=$?; refs'
W rep.none.over 'modprobe test_klp_atomic_replace replace=1; echo rc=$?'
P rep.none.over.tree 'tree; refs; procs; rmmod test_klp_callbacks_demo2; echo rc=$?'
P rep.none.parameter 'cat $M/test_klp_atomic_replace/parameters/replace; echo 0 > $M/test_klp_atomic_replace/parameters/replace; echo rc=$?; cat $M/test_klp_atomic_replace/parameters/replace'
W rep.none.end 'echo 0 > $K/test_klp_atomic_replace/enabled; echo rc=$?'
P rep.none.rmmod 'rmmod test_klp_atomic_replace; echo rc=$?; refs; procs'

N "replace=2 is true; a patch that does not replace goes on top of one that did"
W rep.two.old 'modprobe test_klp_livepatch; echo rc=$?'
W rep.two.load 'modprobe klpx_a f0=version_proc_show replace=2; echo rc=$?'
P rep.two.tree 'tree; refs; procs'
W rep.two.top 'modprobe test_klp_atomic_replace replace=0; echo rc=$?'
P rep.two.top.tree 'tree; refs; procs'
W rep.two.b 'modprobe klpx_b f0=uptime_proc_show replace=1; echo rc=$?'
P rep.two.b.tree 'tree; refs; procs'
P rep.two.rmmod 'rmmod test_klp_livepatch test_klp_atomic_replace klpx_a; echo rc=$?'
W rep.two.end 'echo 0 > $K/klpx_b/enabled; echo rc=$?'
P rep.two.end.rmmod 'rmmod klpx_b; echo rc=$?; refs; procs'
