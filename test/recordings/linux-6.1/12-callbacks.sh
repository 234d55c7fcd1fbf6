# callbacks: two objects, two patches on one module, modules that come and go in transitions, reversals, replace
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

export TWO='cb=1 f0=version_proc_show obj1=klpx_target g0=klpx_value_show'
export BUSY=$M/test_klp_callbacks_busy/parameters/block_transition
export WORK='obj0=test_klp_callbacks_busy f0=busymod_work_func'

N "two objects, the module is loaded; the second one's pre_patch fails"
modprobe klpx_target
for error in 19 1 12 16 22; do
  P "cbs.second.fails[-$error]" "modprobe klpx_a \$TWO pre_ret1=-$error; echo rc=\$?; tree; refs; procs"
done
P cbs.second.insmod 'insmod $X/klpx_a.ko $TWO pre_ret1=-22; echo rc=$?; lsmod'
P cbs.first.fails 'modprobe klpx_a $TWO pre_ret=-19; echo rc=$?; tree; refs; procs'
P cbs.both.fail 'modprobe klpx_a $TWO pre_ret=-12 pre_ret1=-19; echo rc=$?'
P cbs.second.symbol 'modprobe klpx_a cb=1 f0=version_proc_show obj1=klpx_target g0=nosuch; echo rc=$?; tree; procs'
P cbs.second.position 'modprobe klpx_a cb=1 f0=version_proc_show obj1=klpx_target g0=klpx_value_show t0=2; echo rc=$?; tree'
P cbs.second.trace 'modprobe klpx_a cb=1 obj0=klpx_target f0=klpx_value_show obj1=vmlinux g0=do_syscall_64; echo rc=$?; tree; procs; sort $T/enabled_functions'
W cbs.both.load 'modprobe klpx_a $TWO; echo rc=$?'
P cbs.both.tree 'tree; refs; procs'
P cbs.both.going 'rmmod klpx_target; echo rc=$?; tree; refs; procs'
P cbs.both.coming 'modprobe klpx_target; echo rc=$?; tree; refs; procs'
W cbs.both.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P cbs.both.rmmod 'rmmod klpx_a; echo rc=$?; rmmod klpx_target; echo rc=$?'

N "the module comes when the patch is enabled, and its pre_patch fails, or its symbol is missing"
W cbs.coming.load 'modprobe klpx_a $TWO pre_ret1=-19; echo rc=$?'
P cbs.coming.fails 'modprobe klpx_target; echo rc=$?; tree; refs; procs'
P cbs.coming.insmod 'insmod $X/klpx_target.ko; echo rc=$?; lsmod'
P cbs.coming.other 'echo -16 > $M/klpx_a/parameters/pre_ret1; modprobe klpx_target; echo rc=$?'
P cbs.coming.fixed 'echo 0 > $M/klpx_a/parameters/pre_ret1; modprobe klpx_target; echo rc=$?; tree; procs'
W cbs.coming.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P cbs.coming.rmmod 'rmmod klpx_a klpx_target; echo rc=$?'
W cbs.missing.load 'modprobe klpx_a cb=1 f0=version_proc_show obj1=klpx_target g0=nosuch; echo rc=$?'
P cbs.missing.coming 'modprobe klpx_target; echo rc=$?; tree; refs'
P cbs.missing.again 'modprobe klpx_target mode=2; echo rc=$?'
W cbs.missing.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P cbs.missing.rmmod 'rmmod klpx_a; echo rc=$?; modprobe klpx_target; echo rc=$?; rmmod klpx_target'

N "two patches on one module"
W cbs.pair.a 'modprobe klpx_a cb=1 obj0=klpx_target f0=klpx_value_show; echo rc=$?'
W cbs.pair.b 'modprobe klpx_b cb=1 obj0=klpx_target f0=klpx_second_show; echo rc=$?'
P cbs.pair.coming 'modprobe klpx_target; echo rc=$?; tree; procs'
P cbs.pair.going 'rmmod klpx_target; echo rc=$?; tree'
P cbs.pair.second.fails 'echo -19 > $M/klpx_b/parameters/pre_ret; modprobe klpx_target; echo rc=$?; tree; refs'
P cbs.pair.first.fails 'echo -12 > $M/klpx_a/parameters/pre_ret; modprobe klpx_target; echo rc=$?'
P cbs.pair.fixed 'echo 0 > $M/klpx_a/parameters/pre_ret; echo 0 > $M/klpx_b/parameters/pre_ret; modprobe klpx_target; echo rc=$?; tree; procs'
W cbs.pair.third 'modprobe klpx_c obj0=klpx_target f0=nosuch f1=klpx_value_show; echo rc=$?'
W cbs.pair.a.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P cbs.pair.b.going 'rmmod klpx_target; echo rc=$?; tree; refs'
W cbs.pair.late 'modprobe klpx_c obj0=klpx_target f0=nosuch cb=1; echo rc=$?'
P cbs.pair.late.coming 'modprobe klpx_target; echo rc=$?; tree'
W cbs.pair.c.disable 'echo 0 > $K/klpx_c/enabled; echo rc=$?'
W cbs.pair.b.disable 'echo 0 > $K/klpx_b/enabled; echo rc=$?'
P cbs.pair.rmmod 'rmmod klpx_a klpx_b klpx_c; echo rc=$?; refs'

N "a patching transition is open: the second object comes, goes, comes, fails"
P cbs.open.busy 'modprobe test_klp_callbacks_busy block_transition=Y; echo rc=$?'
PS 1500 cbs.open.load 'modprobe klpx_a cb=1 $WORK obj1=klpx_target g0=klpx_value_show; echo rc=$?'
P cbs.open.coming 'modprobe klpx_target; echo rc=$?; tree; procs'
P cbs.open.going 'rmmod klpx_target; echo rc=$?; tree'
P cbs.open.fails 'echo -19 > $M/klpx_a/parameters/pre_ret1; modprobe klpx_target; echo rc=$?; echo 0 > $M/klpx_a/parameters/pre_ret1'
P cbs.open.coming.again 'modprobe klpx_target; echo rc=$?'
W cbs.open.release 'echo N > $BUSY; sleep 0.5'
W cbs.open.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P cbs.open.rmmod 'rmmod klpx_a klpx_target test_klp_callbacks_busy; echo rc=$?'

N "the same, reversed while the second object is there, and gone"
P cbs.back.busy 'modprobe test_klp_callbacks_busy block_transition=Y; echo rc=$?'
PS 1500 cbs.back.load 'modprobe klpx_a cb=1 $WORK obj1=klpx_target g0=klpx_value_show; echo rc=$?'
P cbs.back.coming 'modprobe klpx_target; echo rc=$?'
W cbs.back.reverse 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P cbs.back.rmmod 'rmmod klpx_a; echo rc=$?; refs'
PS 1500 cbs.back.load.again 'modprobe klpx_a cb=1 $WORK obj1=klpx_target g0=klpx_value_show; echo rc=$?'
P cbs.back.going 'rmmod klpx_target; echo rc=$?; tree'
W cbs.back.reverse.again 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P cbs.back.end 'echo N > $BUSY; sleep 0.5; rmmod klpx_a test_klp_callbacks_busy; echo rc=$?; refs'
