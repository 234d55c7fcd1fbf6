# what differs between releases: files, columns, debug sites, wording
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

P rel.debug.sites 'grep kernel/livepatch $D/dynamic_debug/control; ls $D/dynamic_debug; head -1 $D/dynamic_debug/control'
P rel.livepatch.ls 'ls -la $K $M/livepatch 2>&1'
W rel.sample.load 'modprobe livepatch-sample; echo rc=$?'
P rel.sample.tree 'tree; ls -la $S $S/vmlinux; stat -c "%n %A %s %h" $(find $K | sort); ls -U $S'
P rel.sample.replace 'cat $S/replace; echo rc=$?; echo 1 > $S/replace; echo rc=$?; echo 0 > $S/replace; echo rc=$?'
P rel.sample.replace.sys 'sysp open $S/replace RDWR , open $S/replace WRONLY , open $S/replace , read 1 , read 5 , lseek 0 , pread 5 1 , write 0 , close , access $S/replace 2 , truncate $S/replace 0'
P rel.sample.replace.mode 'chmod 644 $S/replace; echo rc=$?; echo 1 > $S/replace; echo rc=$?; cat $S/replace'
U rel.sample.user 'cat $S/enabled $S/transition $S/replace; echo rc=$?; echo 1 > $S/replace; echo rc=$?'
P rel.sample.tainted 'cat /proc/sys/kernel/tainted'
P rel.sample.functions 'cat $T/enabled_functions; echo; cat $T/touched_functions'
P rel.sample.warn 'insmod $X/livepatch-sample.ko; echo rc=$?; rmmod livepatch-sample; echo rc=$?'
W rel.second 'modprobe klpx_a f0=cmdline_proc_show f1=version_proc_show; echo rc=$?'
P rel.second.functions 'cat $T/enabled_functions; echo; cat $T/touched_functions; cat /proc/cmdline'
W rel.replace 'modprobe klpx_b f0=cmdline_proc_show replace=1; echo rc=$?'
P rel.replace.tree 'tree; refs; cat $T/enabled_functions; echo; cat $T/touched_functions'
W rel.replace.disable 'echo 0 > $K/klpx_b/enabled; echo rc=$?'
P rel.replace.end 'rmmod klpx_a klpx_b livepatch_sample; echo rc=$?; cat $T/enabled_functions; echo; cat $T/touched_functions'

N "a reader of /proc/klpx_wait"
modprobe klpx_target
for mode in 0 1 2; do
  start_reader $mode
  P "rel.wait.stack[$mode]" 'cat /proc/$SP/stack; grep State /proc/$SP/status; cat /proc/$SP/wchan; echo'
  stop_reader
done
W rel.wait.load 'modprobe klpx_a obj0=klpx_target w=1 hold_wait=1; echo rc=$?'
start_reader 2
P rel.wait.new 'cat /proc/$SP/stack; cat $T/enabled_functions'
P rel.wait.release 'echo 0 > $M/klpx_a/parameters/hold_wait; sleep 0.5; cat /tmp/w.out'
stop_reader
W rel.wait.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P rel.wait.rmmod 'rmmod klpx_a klpx_target; echo rc=$?'

N "a function that others trace, too"
P rel.trace.on 'echo cmdline_proc_show > $T/set_ftrace_filter; echo function > $T/current_tracer; cat $T/enabled_functions'
W rel.trace.load 'modprobe livepatch-sample; echo rc=$?'
P rel.trace.functions 'cat $T/enabled_functions; echo; cat $T/touched_functions; cat /proc/cmdline'
P rel.trace.off 'echo nop > $T/current_tracer; echo > $T/set_ftrace_filter; cat $T/enabled_functions'
P rel.ftrace.off 'sysctl kernel.ftrace_enabled=0; echo rc=$?; cat /proc/sys/kernel/ftrace_enabled'
W rel.trace.disable 'echo 0 > $S/enabled; echo rc=$?'
P rel.ftrace.load 'rmmod livepatch_sample; sysctl kernel.ftrace_enabled=0; echo rc=$?; modprobe livepatch-sample; echo rc=$?; sysctl kernel.ftrace_enabled=1; echo rc=$?'

N "what fails says"
P rel.fail.symbol 'modprobe klpx_a f0=nosuch_symbol; echo rc=$?'
P rel.fail.ambiguous 'modprobe klpx_a f0=t_show; echo rc=$?'
P rel.fail.position 'modprobe klpx_a f0=t_show s0=99; echo rc=$?'
P rel.fail.trace 'modprobe klpx_a f0=do_syscall_64; echo rc=$?'
P rel.fail.callback 'modprobe klpx_a f0=version_proc_show cb=1 pre_ret=-19; echo rc=$?'
P rel.fail.mark 'modprobe klpx_nolp f0=version_proc_show; echo rc=$?'
P rel.fail.double 'modprobe klpx_a f0=version_proc_show f1=version_proc_show; echo rc=$?; refs'
P rel.fail.noobjs 'modprobe klpx_a noobjs=1; echo rc=$?; modprobe klpx_a obj0=x nofuncs=1; echo rc=$?'
P rel.fail.parameter 'modprobe klpx_a s0=x; echo rc=$?; insmod $X/klpx_a.ko s0=x; echo rc=$?; modprobe klpx_target nosuch=1; echo rc=$?; rmmod klpx_target'
P rel.fail.positive 'modprobe klpx_a f0=version_proc_show cb=1 pre_ret=5; echo rc=$?; refs; rmmod klpx_a'
