# transitions: blocked, reversed, forced, signalled
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../guest/lib.sh
. /job/lib.sh

export A=$K/klpx_a AP="obj0=klpx_target f0=klpx_value_show w=1"
ST='for p in /proc/[0-9]*; do printf "%s(%s)=%s " ${p#/proc/} "$(cat $p/comm)" $(cat $p/patch_state); done; echo'
READ='for f in $(find $K -type f ! -name force | sort); do printf "%s: " $f; cat $f; done'
modprobe klpx_target
P trans.idle.value 'cat /proc/klpx_value'

N "phase user task pid SP sleeps uninterruptibly inside the function that gets patched"
start_reader 2
P trans.stuck.before 'echo pid=$SP; cat /proc/$SP/patch_state; cat /proc/$SP/stack; grep State /proc/$SP/status; cat /proc/$SP/wchan; echo'
PS 0 trans.load 'time modprobe klpx_a $AP; echo rc=$?'
PS 0 trans.t0.read "$READ"
P trans.t0.stuck 'cat /proc/$SP/patch_state; cat /proc/$SP/stack'
PS 3000 trans.after3s 'sleep 1'
P trans.t3.read "$READ"
P trans.t3.tree 'find $K; ls -la $A; stat -c "%n %A %s" $(find $K)'
P trans.t3.value 'cat /proc/klpx_value'
P trans.t3.child 'cat /proc/self/patch_state; sleep 3 & cat /proc/$!/patch_state; cat /proc/1/patch_state /proc/2/patch_state; cat /proc/$SP/patch_state'
P trans.t3.modules 'cat /proc/modules; cat $M/klpx_a/refcnt $M/klpx_a/initstate'
P trans.t3.enabled_functions 'cat $T/enabled_functions'
P trans.t3.who.blocks 'for t in /proc/[0-9]*/task/[0-9]*; do [ "$(cat $t/patch_state)" = 0 ] && echo "$t $(cat $t/comm)" && cat $t/stack; done'

N "a second patch during the transition"
P trans.second.modprobe 'modprobe klpx_b f0=version_proc_show; echo rc=$?; lsmod; ls $K'
P trans.second.insmod 'insmod /lib/modules/$(uname -r)/extra/test_klp_livepatch.ko; echo rc=$?; ls -a $K $M | grep klp'
P trans.second.replace 'modprobe klpx_c f0=version_proc_show replace=1; echo rc=$?'
P trans.second.strace 'strace -e trace=finit_module insmod /lib/modules/$(uname -r)/extra/livepatch-sample.ko 2>&1'
P trans.rmmod 'rmmod klpx_a; echo rc=$?; modprobe -r klpx_a; echo rc=$?; strace -e trace=delete_module rmmod klpx_a 2>&1'
P trans.other.module 'modprobe livepatch-callbacks-mod; echo rc=$?; rmmod livepatch-callbacks-mod; echo rc=$?'
P trans.write.same 'echo 1 > $A/enabled; echo rc=$?'
P trans.write.bad 'echo 2 > $A/enabled; echo rc=$?; echo x > $A/force; echo rc=$?; echo 0 > $A/force; echo rc=$?; cat $A/transition; echo 0 > $A/transition; echo rc=$?'
P trans.ftrace.off 'sysctl kernel.ftrace_enabled=0; echo rc=$?; echo 0 > /proc/sys/kernel/ftrace_enabled; echo rc=$?; cat /proc/sys/kernel/ftrace_enabled'
PS 0 trans.wait18 'sleep 14; cat $A/transition; cat /proc/$SP/patch_state'
PS 0 trans.wait36 'sleep 18; cat $A/transition; cat /proc/$SP/patch_state'

N "reverse by writing 0"
PS 0 trans.reverse 'echo 0 > $A/enabled; echo rc=$?; cat $A/enabled $A/transition $A/klpx_target/patched; cat /proc/klpx_value; cat /proc/$SP/patch_state'
W trans.reverse.settled 'true'
P trans.reverse.after 'ls -la $K; cat /proc/klpx_value; cat $M/klpx_a/refcnt; lsmod; cat /proc/$SP/patch_state; rmmod klpx_a; echo rc=$?'

N "reverse twice: 0 then 1 again while blocked"
W trans.load2 'true'
PS 1500 trans.load2.go 'modprobe klpx_a $AP; echo rc=$?; cat $A/enabled $A/transition'
PS 0 trans.rev.0 'echo 0 > $A/enabled; echo rc=$?; cat $A/enabled $A/transition; echo 1 > $A/enabled; echo rc=$?; cat $A/enabled $A/transition; cat /proc/$SP/patch_state; cat $M/klpx_a/refcnt'
PS 2500 trans.rev.later 'sleep 0.1'
P trans.rev.states 'cat $A/enabled $A/transition $A/klpx_target/patched; cat /proc/$SP/patch_state; cat /proc/klpx_value'

N "force while patching"
PS 0 trans.force 'echo 1 > $A/force; echo rc=$?; cat $A/enabled $A/transition; cat /proc/$SP/patch_state'
W trans.force.settled 'true'
P trans.force.after 'cat $A/enabled $A/transition $A/klpx_target/patched; cat /proc/$SP/patch_state; cat $M/klpx_a/refcnt; echo 1 > $A/force; echo rc=$?; cat /proc/klpx_value; rmmod klpx_a'
PS 0 trans.force.disable 'echo 0 > $A/enabled; echo rc=$?; cat $A/enabled $A/transition; cat /proc/$SP/patch_state'
W trans.force.disable.settled 'true'
P trans.force.rmmod 'ls $K; cat $M/klpx_a/refcnt; rmmod klpx_a; echo rc=$?'
stop_reader

N "unpatching blocked: the task sleeps inside the NEW function"
W unp.load 'modprobe klpx_a $AP hold_wait=1; echo rc=$?'
start_reader 2
P unp.stuck 'cat /proc/$SP/stack; cat /proc/$SP/patch_state; cat $A/transition'
PS 1200 unp.disable 'echo 0 > $A/enabled; echo rc=$?; cat $A/enabled $A/transition $A/klpx_target/patched; cat /proc/$SP/patch_state; cat /proc/self/patch_state'
P unp.state 'cat $A/enabled $A/transition $A/klpx_target/patched; cat /proc/$SP/patch_state /proc/self/patch_state /proc/1/patch_state; cat /proc/klpx_value; find $K; cat $T/enabled_functions; cat $M/klpx_a/refcnt'
P unp.write.same 'echo 0 > $A/enabled; echo rc=$?'
P unp.second 'modprobe klpx_b f0=version_proc_show; echo rc=$?'
P unp.rmmod 'rmmod klpx_a'
PS 0 unp.reverse 'echo 1 > $A/enabled; echo rc=$?; cat $A/enabled $A/transition; cat /proc/$SP/patch_state'
W unp.reverse.settled 'true'
P unp.reverse.after 'cat $A/enabled $A/transition; cat /proc/klpx_value; cat $M/klpx_a/refcnt; cat /proc/$SP/patch_state'
PS 1500 unp.disable2 'echo 0 > $A/enabled; echo rc=$?'
PS 0 unp.force 'echo 1 > $A/force; echo rc=$?; cat $A/enabled $A/transition; cat /proc/$SP/patch_state'
W unp.force.settled 'true'
P unp.force.after 'ls $K; cat $M/klpx_a/refcnt; rmmod klpx_a; echo rc=$?; cat $T/enabled_functions; cat /proc/klpx_value; cat $M/klpx_a/taint'
P unp.force.reload 'modprobe klpx_a $AP; echo rc=$?; insmod /lib/modules/$(uname -r)/extra/klpx_a.ko; echo rc=$?; ls $K'
echo 0 > $M/klpx_a/parameters/hold_wait
stop_reader
P unp.force.end 'cat $M/klpx_a/refcnt; rmmod klpx_a; echo rc=$?'

N "signals: interruptible sleeper (klpx_b from here, klpx_a is pinned for ever)"
export A=$K/klpx_b
start_reader 0
P sig.before 'cat /proc/$SP/stack; grep State /proc/$SP/status'
PS 0 sig.load 'modprobe klpx_b $AP; echo rc=$?'
PS 0 sig.watch 'for i in $(seq 1 200); do t=$(cat $A/transition); s=$(cat /proc/$SP/patch_state 2>/dev/null || echo gone); echo "$(cut -d" " -f1 /proc/uptime) transition=$t patch_state=$s"; [ $t = 0 ] && break; sleep 0.25; done | uniq -f1'
P sig.after 'cat /tmp/w.out; kill -0 $SP; echo alive=$?'
W sig.disable 'echo 0 > $A/enabled'
stop_reader
rmmod klpx_b

N "stop/cont on an interruptible sleeper"
start_reader 0
PS 1500 sigstop.load 'modprobe klpx_b $AP; echo rc=$?; cat $A/transition'
PS 0 sigstop.do 'kill -STOP $SP; sleep 1.5; cat $A/transition /proc/$SP/patch_state; grep State /proc/$SP/status; kill -CONT $SP; sleep 2.5; cat $A/transition; cat /proc/$SP/patch_state'
W sigstop.settle 'true'
W sigstop.disable 'echo 0 > $A/enabled'
stop_reader
rmmod klpx_b

N "killable sleeper: the fake signal is not enough"
start_reader 1
PS 0 killable.load 'modprobe klpx_b $AP; echo rc=$?; sleep 19; cat $A/transition /proc/$SP/patch_state; kill -TERM $SP; sleep 2; cat $A/transition'
W killable.kill 'kill -KILL $SP; sleep 3; cat $A/transition'
W killable.disable 'echo 0 > $A/enabled'
stop_reader
rmmod klpx_b

N "kernel thread sleeps in the function"
rmmod klpx_target
modprobe klpx_target kthr=1
sleep 0.5
PS 0 kth.load 'modprobe klpx_b $AP; echo rc=$?; sleep 17; cat $A/transition; p=$(pgrep klpx_kthread); echo kthread $p state $(cat /proc/$p/patch_state); cat /proc/$p/stack; ls -l /proc/$p/patch_state'
P kth.user.force.perm 'setpriv --reuid 1000 --regid 1000 --clear-groups bash -c "echo 1 > $A/force; echo rc=\$?; echo 0 > $A/enabled; echo rc=\$?"'
W kth.release 'echo 1 > $M/klpx_target/parameters/release; sleep 3; cat $A/transition'
W kth.disable 'echo 0 > $A/enabled'
rmmod klpx_b
rmmod klpx_target

N "busy module of the kernel tree: test_klp_callbacks_busy block_transition=Y"
P busy.load 'modprobe test_klp_callbacks_busy block_transition=Y; echo rc=$?; cat $M/test_klp_callbacks_busy/parameters/block_transition'
PS 1500 busy.demo 'modprobe test_klp_callbacks_demo; echo rc=$?; cat $K/test_klp_callbacks_demo/{enabled,transition} $K/test_klp_callbacks_demo/*/patched'
P busy.state 'grep . $K/*/{enabled,transition} $K/*/*/patched; find $K; for p in /proc/[0-9]*; do [ "$(cat $p/patch_state)" = 0 ] && echo "$p $(cat $p/comm)" && cat $p/stack; done; cat /proc/modules'
P busy.mod.load 'modprobe test_klp_callbacks_mod; echo rc=$?; grep . $K/*/*/patched'
P busy.mod.unload 'rmmod test_klp_callbacks_mod; echo rc=$?; grep . $K/*/*/patched'
PS 0 busy.reverse 'echo 0 > $K/test_klp_callbacks_demo/enabled; echo rc=$?'
W busy.reverse.settled 'ls $K'
P busy.rmmod.demo 'rmmod test_klp_callbacks_demo; echo rc=$?'
PS 1500 busy.demo.again 'modprobe test_klp_callbacks_demo; echo rc=$?'
W busy.rmmod.target 'time rmmod test_klp_callbacks_busy; echo rc=$?; grep . $K/*/{enabled,transition} $K/*/*/patched'
P busy.after.target 'grep . $K/*/{enabled,transition} $K/*/*/patched'
W busy.disable 'echo 0 > $K/test_klp_callbacks_demo/enabled'
P busy.end 'rmmod test_klp_callbacks_demo; lsmod; ls $K'
