# callbacks in unpatching transitions, when they are reversed and forced, and when patches are replaced
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

N "an unpatching transition is open: the second object comes and goes; reversed"
modprobe klpx_target
W cbs.unp.load 'modprobe klpx_a cb=1 obj0=klpx_target w=1 hold_wait=1 obj1=test_klp_callbacks_mod; echo rc=$?'
start_reader 2
PS 1500 cbs.unp.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P cbs.unp.coming 'modprobe test_klp_callbacks_mod; echo rc=$?; tree; refs'
P cbs.unp.going 'rmmod test_klp_callbacks_mod; echo rc=$?; tree'
P cbs.unp.coming.again 'modprobe test_klp_callbacks_mod; echo rc=$?'
W cbs.unp.reverse 'echo 1 > $K/klpx_a/enabled; echo rc=$?'
P cbs.unp.reversed 'tree; refs'
PS 1500 cbs.unp.disable.again 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P cbs.unp.going.again 'rmmod test_klp_callbacks_mod; echo rc=$?'
W cbs.unp.release 'echo 0 > $M/klpx_a/parameters/hold_wait; sleep 0.5'
stop_reader
P cbs.unp.rmmod 'rmmod klpx_a; echo rc=$?; refs'

N "a refused module while unpatching"
W cbs.unpfail.load 'modprobe klpx_a cb=1 obj0=klpx_target w=1 hold_wait=1 obj1=test_klp_callbacks_mod; echo rc=$?'
start_reader 2
PS 1500 cbs.unpfail.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P cbs.unpfail.coming 'echo -19 > $M/klpx_a/parameters/pre_ret1; modprobe test_klp_callbacks_mod; echo rc=$?; tree; refs'
W cbs.unpfail.release 'echo 0 > $M/klpx_a/parameters/hold_wait; sleep 0.5'
stop_reader
P cbs.unpfail.rmmod 'rmmod klpx_a; echo rc=$?; modprobe test_klp_callbacks_mod; echo rc=$?; rmmod test_klp_callbacks_mod; refs'

N "back and forth: patching, reversed, reversed again, and forced"
start_reader 2
PS 1500 cbs.rev.load 'modprobe klpx_a cb=1 obj0=klpx_target w=1 obj1=vmlinux g0=version_proc_show; echo rc=$?'
PS 1500 cbs.rev.thrice 'echo 0 > $K/klpx_a/enabled; echo 1 > $K/klpx_a/enabled; echo rc=$?; cat $K/klpx_a/{enabled,transition}'
W cbs.rev.force 'echo 1 > $K/klpx_a/force; echo rc=$?'
W cbs.rev.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P cbs.rev.rmmod 'rmmod klpx_a; echo rc=$?'
stop_reader

N "replaced by a patch with callbacks: those of the old one are not called"
W cbs.rep.demo 'modprobe test_klp_callbacks_mod; modprobe test_klp_callbacks_demo; echo rc=$?'
P cbs.rep.demo.tree 'tree; refs'
W cbs.rep.demo2 'modprobe test_klp_callbacks_demo2 replace=1; echo rc=$?'
P cbs.rep.demo2.tree 'tree; refs; rmmod test_klp_callbacks_mod; echo rc=$?; modprobe test_klp_callbacks_mod; echo rc=$?'
W cbs.rep.demo.again 'rmmod test_klp_callbacks_demo; modprobe test_klp_callbacks_demo; echo rc=$?'
P cbs.rep.demo.again.tree 'tree; refs'
W cbs.rep.demo2.disable 'echo 0 > $K/test_klp_callbacks_demo2/enabled; echo rc=$?'
W cbs.rep.demo2.stacked 'rmmod test_klp_callbacks_demo2; modprobe test_klp_callbacks_demo2 replace=0; echo rc=$?'
P cbs.rep.mod.going 'rmmod test_klp_callbacks_mod; echo rc=$?; modprobe test_klp_callbacks_mod; echo rc=$?'
W cbs.rep.demo.disable 'echo 0 > $K/test_klp_callbacks_demo/enabled; echo rc=$?'
W cbs.rep.end 'echo 0 > $K/test_klp_callbacks_demo2/enabled; echo rc=$?'
P cbs.rep.rmmod 'rmmod test_klp_callbacks_demo test_klp_callbacks_demo2 test_klp_callbacks_mod; echo rc=$?; refs'

N "the replacing patch's pre_patch fails; nothing of the old one is called"
W cbs.repfail.a 'modprobe klpx_a cb=1 f0=version_proc_show obj1=klpx_target g0=klpx_value_show; echo rc=$?'
P cbs.repfail.b 'modprobe klpx_b cb=1 f0=version_proc_show obj1=klpx_target g0=klpx_second_show pre_ret1=-19 replace=1; echo rc=$?; tree; refs; procs'

N "nops have no callbacks; a module comes and goes in the transition"
start_reader 2
PS 1500 cbs.nop.b 'modprobe klpx_b cb=1 obj0=klpx_target w=1 replace=1; echo rc=$?'
P cbs.nop.tree 'tree; refs; procs'
P cbs.nop.mod 'modprobe test_klp_callbacks_mod; echo rc=$?; rmmod test_klp_callbacks_mod; echo rc=$?'
PS 1500 cbs.nop.back 'echo 0 > $K/klpx_b/enabled; echo 1 > $K/klpx_b/enabled; echo rc=$?'
W cbs.nop.release 'echo 1 > $M/klpx_target/parameters/release; sleep 0.5'
stop_reader
P cbs.nop.done 'tree; refs; procs; rmmod klpx_a; echo rc=$?'
P cbs.nop.going 'rmmod klpx_target; echo rc=$?; modprobe klpx_target; echo rc=$?; tree'
W cbs.nop.disable 'echo 0 > $K/klpx_b/enabled; echo rc=$?'
P cbs.nop.rmmod 'rmmod klpx_b klpx_target; echo rc=$?; refs'

N "a dynamic object: the replacing patch has nothing for the module, which comes in the transition"
W cbs.dyn.a 'modprobe klpx_a cb=1 obj0=klpx_target f0=klpx_value_show; echo rc=$?'
P cbs.dyn.busy 'modprobe test_klp_callbacks_busy block_transition=Y; echo rc=$?'
PS 1500 cbs.dyn.b 'modprobe klpx_b cb=1 obj0=test_klp_callbacks_busy f0=busymod_work_func replace=1; echo rc=$?'
P cbs.dyn.coming 'modprobe klpx_target; echo rc=$?; tree; procs'
P cbs.dyn.refused 'rmmod klpx_target; echo -19 > $M/klpx_a/parameters/pre_ret; modprobe klpx_target; echo rc=$?; tree'
P cbs.dyn.coming.again 'echo 0 > $M/klpx_a/parameters/pre_ret; modprobe klpx_target; echo rc=$?'
W cbs.dyn.release 'echo N > $M/test_klp_callbacks_busy/parameters/block_transition; sleep 0.5'
P cbs.dyn.done 'tree; procs; rmmod klpx_target; echo rc=$?'
W cbs.dyn.disable 'echo 0 > $K/klpx_b/enabled; echo rc=$?'
P cbs.dyn.rmmod 'rmmod klpx_a klpx_b test_klp_callbacks_busy; echo rc=$?; refs'
