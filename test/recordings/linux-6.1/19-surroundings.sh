# what is around live patching: symbols, sections, tracing files, versions; recorded to look things up
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

P sur.kernel 'uname -r; uname -v; cat /proc/version; cat /proc/cmdline'
P sur.symbols 'grep -w "t_show\|cmdline_proc_show\|version_proc_show\|uptime_proc_show\|meminfo_proc_show\|loadavg_proc_show\|klp_.*" /proc/kallsyms | cut -d" " -f2- | sort'
P sur.tracing 'ls $T; cat $T/available_tracers $T/current_tracer; ls -l $T/enabled_functions $T/touched_functions; cat $T/enabled_functions $T/touched_functions'
P sur.sysctl 'ls /proc/sys/kernel | grep -e ftrace -e livepatch -e tainted -e printk; cat /proc/sys/kernel/{ftrace_enabled,tainted}'

N "modules"
W sur.load 'modprobe livepatch-sample; modprobe klpx_target; modprobe test_klp_callbacks_busy; echo rc=$?'
P sur.module.livepatch 'ls -la $M/livepatch_sample; cat /proc/modules | sed "s/0x[0-9a-f]*/ADDRESS/"; cat $M/livepatch_sample/taint; ls -a $M/livepatch_sample/sections $M/livepatch_sample/notes'
P sur.module.target 'ls -la $M/klpx_target; ls -a $M/klpx_target/sections $M/klpx_target/notes; cat $M/klpx_target/taint'
P sur.module.sizes 'for m in livepatch_sample klpx_target test_klp_callbacks_busy; do for f in coresize initsize; do echo "$m $f $(cat $M/$m/$f)"; done; done; stat -c "%n %s" $M/klpx_target/sections/.text $M/klpx_target/notes/.note*'
P sur.module.lsmod 'lsmod'
P sur.functions 'cat $T/enabled_functions; head -c 300 $T/available_filter_functions; wc -l < $T/available_filter_functions; grep -c . /proc/kallsyms'
P sur.config 'zcat /proc/config.gz | head; ls /proc/sys/kernel | wc -l; cat /proc/sys/kernel/{printk,dmesg_restrict,modules_disabled,panic_on_warn}'
P sur.dmesg 'dmesg | grep -i -e livepatch -e klpx -e taint -e "Linux version" -e "Command line" -e ftrace'
W sur.disable 'echo 0 > $S/enabled'
P sur.rmmod 'rmmod livepatch_sample klpx_target test_klp_callbacks_busy; echo rc=$?; cat /proc/sys/kernel/tainted'
