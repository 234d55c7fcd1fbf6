# the messages of dynamic debug; what a patch makes visible; shadow variable samples
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../guest/lib.sh
. /job/lib.sh

C=$D/dynamic_debug/control; export C
P dd.list 'grep -n livepatch $C | sed "s/^[0-9]*://"; ls -l $C'
P dd.enable.file "echo 'file kernel/livepatch/* +p' > \$C; echo rc=\$?; grep livepatch \$C | awk '{print \$1,\$2,\$3}'"
P dd.enable.func "echo 'func klp_* -p' > \$C; grep 'livepatch' \$C | awk '{print \$1,\$2,\$3}'; echo 'func klp_* +p' > \$C; echo rc=\$?; grep livepatch \$C | awk '{print \$1,\$2,\$3}'; echo 'bogus' > \$C; echo rc=\$?"
P dd.enable.module "echo 'module livepatch +p' > \$C; echo rc=\$?; echo 'module nosuch +p' > \$C; echo rc=\$?"
W dd.load 'modprobe livepatch-sample'
W dd.disable 'echo 0 > $S/enabled; cat $S/transition'
P dd.rmmod 'rmmod livepatch_sample'

N "without klp_try_switch_task (what the selftests use)"
P dd.noswitch "echo 'func klp_try_switch_task -p' > \$C; echo rc=\$?; grep livepatch \$C | awk '{print \$1,\$2,\$3}'"
W dd2.load 'modprobe livepatch-sample'
W dd2.disable 'echo 0 > $S/enabled'
W dd2.reload 'rmmod livepatch_sample; modprobe livepatch-sample'
PS 0 dd2.reverse.quick 'echo 0 > $S/enabled; echo 1 > $S/enabled; echo rc=$?'
W dd2.reverse.settled true
reset_lp
P dd.switch "echo 'func klp_try_switch_task +p' > \$C"
modprobe klpx_target
start_reader 2
PS 3500 dd3.load.blocked 'echo stuck pid $SP; modprobe klpx_a obj0=klpx_target f0=klpx_value_show w=1'
PS 1500 dd3.reverse0 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
W dd3.settle0 true
rmmod klpx_a
PS 2000 dd3.load.again 'modprobe klpx_a obj0=klpx_target f0=klpx_value_show w=1'
PS 100 dd3.reverse01 'echo 0 > $K/klpx_a/enabled; echo 1 > $K/klpx_a/enabled; echo rc=$?; cat $K/klpx_a/transition'
PS 17000 dd3.until.signal 'true'
PS 500 dd3.force 'echo 1 > $K/klpx_a/force'
W dd3.force.settle true
stop_reader
W dd3.disable 'echo 0 > $K/klpx_a/enabled'
rmmod klpx_a

N "failing load with pr_debug on"
P dd4.fail 'modprobe livepatch-callbacks-demo pre_patch_ret=-19; echo rc=$?'
P dd4.sym 'modprobe klpx_a f0=nosuch; echo rc=$?'
P dd4.ftrace 'sysctl -w kernel.ftrace_enabled=0; modprobe livepatch-sample; echo rc=$?; sysctl -w kernel.ftrace_enabled=1'
W dd4.replace 'modprobe livepatch-sample; sleep 2; modprobe klpx_a f0=version_proc_show replace=1'
reset_lp

N "cmdline effect"
P cmd.before 'cat /proc/cmdline | od -c | tail -3; wc -c < /proc/cmdline'
W cmd.load 'modprobe livepatch-sample'
P cmd.patched 'cat /proc/cmdline; od -c /proc/cmdline; head -c 4 /proc/cmdline; echo; dd if=/proc/cmdline bs=1 skip=5 2>/dev/null; grep -o . /proc/cmdline | wc -l; stat -c %s /proc/cmdline'
W cmd.disable 'echo 0 > $S/enabled; cat /proc/cmdline'
P cmd.after 'cat /proc/cmdline; rmmod livepatch_sample'
W cmd.two 'modprobe test_klp_livepatch; sleep 2; cat /proc/cmdline'
reset_lp
