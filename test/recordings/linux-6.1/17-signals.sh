# signals for tasks that hold a transition up: once, after fifteen seconds, and again after a reversal
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

export WAIT='obj0=klpx_target w=1' A=$K/klpx_a
echo "file kernel/livepatch/* +p; func klp_try_switch_task -p" > $D/dynamic_debug/control
modprobe klpx_target

N "held up in both directions: one reader sleeps in the new function, one in the old one"
W sgn.load 'modprobe klpx_a $WAIT hold_wait=1; echo rc=$?'
start_reader 2
NEW=$SP
PS 0 sgn.unpatch 'echo 0 > $A/enabled; echo rc=$?; sleep 2.5'
start_reader 2
export NEW
P sgn.states 'cat /proc/$NEW/patch_state /proc/$SP/patch_state; sed "s/+.*//" /proc/$NEW/stack /proc/$SP/stack'
PS 0 sgn.unpatch.12s 'sleep 7; cat $A/transition'
PS 0 sgn.unpatch.19s 'sleep 7; cat $A/transition'
PS 0 sgn.unpatch.25s 'sleep 6; cat $A/transition'
PS 0 sgn.reverse 'echo 1 > $A/enabled; echo rc=$?; cat $A/transition'
PS 0 sgn.reverse.12s 'sleep 11; cat $A/transition /proc/$NEW/patch_state /proc/$SP/patch_state'
PS 0 sgn.reverse.19s 'sleep 7; cat $A/transition'
PS 0 sgn.again 'echo 0 > $A/enabled; echo rc=$?; sleep 11; cat $A/transition'
PS 0 sgn.again.19s 'sleep 7; cat $A/transition'
W sgn.release 'echo 0 > $M/klpx_a/parameters/hold_wait; sleep 0.5'
stop_reader
wait
P sgn.rmmod 'rmmod klpx_a; echo rc=$?; refs'

N "an interruptible sleeper goes on by itself"
start_reader 0
PS 0 sgn.int.load 'modprobe klpx_a $WAIT; echo rc=$?; sleep 11; cat $A/transition /proc/$SP/patch_state; sed "s/+.*//" /proc/$SP/stack'
W sgn.int.signalled 'sleep 7; cat $A/transition; cat /proc/$SP/patch_state; cat /tmp/w.out'
stop_reader
W sgn.int.disable 'echo 0 > $A/enabled; echo rc=$?'
P sgn.int.rmmod 'rmmod klpx_a; echo rc=$?; rmmod klpx_target; echo rc=$?'

N "a kernel thread asleep in the old function"
modprobe klpx_target kthr=1
sleep 0.5
PS 0 sgn.kth.load 'modprobe klpx_a $WAIT; echo rc=$?; sleep 11; cat $A/transition'
PS 0 sgn.kth.signalled 'sleep 7; cat $A/transition'
W sgn.kth.force 'echo 1 > $A/force; echo rc=$?'
P sgn.kth.release 'echo 1 > $M/klpx_target/parameters/release; sleep 1; refs'
W sgn.kth.disable 'echo 0 > $A/enabled; echo rc=$?'
P sgn.kth.rmmod 'rmmod klpx_a klpx_target; echo rc=$?; refs'
