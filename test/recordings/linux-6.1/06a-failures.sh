# loads that fail: callbacks, symbols, objects, module files
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../guest/lib.sh
. /job/lib.sh

export DEMO=$K/livepatch_callbacks_demo
GREP='grep . $K/*/enabled $K/*/transition $K/*/*/patched'

N "pre_patch callback failures, samples"
for v in -19 -1 -2 -11 -12 -16 -17 -22 -38 -512 -4095 -4096; do
  P "fail.prepatch.vmlinux[$v]" "modprobe livepatch-callbacks-demo pre_patch_ret=$v; echo rc=\$?; ls \$K; lsmod | grep livepatch"; rmmod livepatch-callbacks-demo 2>/dev/null
done
P fail.prepatch.insmod 'insmod $X/livepatch-callbacks-demo.ko pre_patch_ret=-19; echo rc=$?'
P fail.prepatch.module 'modprobe livepatch-callbacks-mod; modprobe livepatch-callbacks-demo pre_patch_ret=-19; echo rc=$?; ls $K'
P fail.prepatch.module.only 'modprobe klpx_target; modprobe klpx_a obj0=klpx_target f0=klpx_value_show cb=1 pre_ret=-19; echo rc=$?; ls $K; cat /proc/klpx_value; cat $T/enabled_functions'
P fail.prepatch.second.object 'modprobe klpx_a f0=version_proc_show obj1=klpx_target g0=klpx_value_show cb=1 pre_ret=0; echo rc=$?; sleep 2; echo 0 > $K/klpx_a/enabled; sleep 4; rmmod klpx_a'
rmmod klpx_target livepatch-callbacks-mod 2>/dev/null

N "target module load refused"
W fail.coming.load 'modprobe livepatch-callbacks-demo; echo rc=$?'
P fail.coming.state "$GREP; ls -laR \$DEMO"
P fail.coming.param 'cat $M/livepatch_callbacks_demo/parameters/pre_patch_ret; ls -l $M/livepatch_callbacks_demo/parameters; echo -19 > $M/livepatch_callbacks_demo/parameters/pre_patch_ret; echo rc=$?; cat $M/livepatch_callbacks_demo/parameters/pre_patch_ret; echo abc > $M/livepatch_callbacks_demo/parameters/pre_patch_ret; echo rc=$?; cat $M/livepatch_callbacks_demo/parameters/pre_patch_ret'
P fail.coming.modprobe "modprobe livepatch-callbacks-mod; echo rc=\$?; lsmod; ls \$M | grep livepatch; $GREP"
P fail.coming.insmod 'insmod $X/livepatch-callbacks-mod.ko; echo rc=$?'
P fail.coming.busymod 'modprobe livepatch-callbacks-busymod; echo rc=$?'
P fail.coming.fixed "echo 0 > \$M/livepatch_callbacks_demo/parameters/pre_patch_ret; modprobe livepatch-callbacks-mod; echo rc=\$?; $GREP; ls \$M/livepatch_callbacks_mod/holders; cat \$M/livepatch_callbacks_mod/refcnt \$M/livepatch_callbacks_demo/refcnt"
P fail.coming.rmmod "rmmod livepatch-callbacks-mod; echo rc=\$?; $GREP"
P cb.busymod.load "modprobe livepatch-callbacks-busymod sleep_secs=1; echo rc=\$?; sleep 1.5; $GREP; cat \$T/enabled_functions"
P cb.busymod.rmmod "rmmod livepatch-callbacks-busymod; echo rc=\$?; $GREP; cat \$T/enabled_functions"
W cb.disable 'echo 0 > $DEMO/enabled'
rmmod livepatch-callbacks-demo

N "full callback flow with targets loaded before the patch"
P cb2.targets 'modprobe livepatch-callbacks-mod; modprobe livepatch-callbacks-busymod sleep_secs=4; echo rc=$?'
W cb2.load 'modprobe livepatch-callbacks-demo; echo rc=$?; grep . $K/*/enabled $K/*/transition $K/*/*/patched'
P cb2.state "$GREP; find \$K"
W cb2.disable 'echo 0 > $DEMO/enabled; grep . $K/*/enabled $K/*/transition $K/*/*/patched'
P cb2.end 'rmmod livepatch-callbacks-demo livepatch-callbacks-busymod livepatch-callbacks-mod; lsmod'

N "symbols"
P sym.missing.modprobe 'modprobe klpx_a f0=nosuch_symbol_xyz; echo rc=$?; ls $K; lsmod'
P sym.missing.insmod 'insmod $X/klpx_a.ko f0=nosuch_symbol_xyz; echo rc=$?'
P sym.ambiguous 'modprobe klpx_a f0=t_show; echo rc=$?; ls $K'
P sym.pos2 'modprobe klpx_a f0=t_show s0=2; echo rc=$?; sleep 2.5; find $K; grep t_show $T/enabled_functions; echo 0 > $K/klpx_a/enabled; sleep 4; rmmod klpx_a'
P sym.pos99 'modprobe klpx_a f0=t_show s0=99; echo rc=$?'
P sym.unique.pos1 'modprobe klpx_a f0=version_proc_show s0=1; echo rc=$?; sleep 2.5; find $K; cat /proc/version; echo 0 > $K/klpx_a/enabled; sleep 4; rmmod klpx_a'
P sym.unique.pos2 'modprobe klpx_a f0=version_proc_show s0=2; echo rc=$?'
P sym.notrace 'modprobe klpx_a f0=ftrace_ops_list_func; echo rc=$?; modprobe klpx_a f0=do_syscall_64; echo rc=$?'
P sym.variable 'modprobe klpx_a f0=saved_command_line; echo rc=$?'
P sym.mod.missing.loaded 'modprobe klpx_target; modprobe klpx_a obj0=klpx_target f0=nosuch; echo rc=$?; ls $K; rmmod klpx_target'
W sym.mod.missing.notloaded 'modprobe klpx_a obj0=klpx_target f0=nosuch; echo rc=$?'
P sym.mod.missing.tree "find \$K; $GREP"
P sym.mod.missing.load 'modprobe klpx_target; echo rc=$?; lsmod; insmod $X/klpx_target.ko; echo rc=$?'
W sym.mod.missing.disable 'echo 0 > $K/klpx_a/enabled'; rmmod klpx_a
P sym.twofuncs 'modprobe klpx_a f0=version_proc_show f1=loadavg_proc_show; echo rc=$?; sleep 2.5; find $K; cat /proc/version /proc/loadavg; cat $T/enabled_functions; echo 0 > $K/klpx_a/enabled; sleep 4; rmmod klpx_a'
P obj.nofuncs 'modprobe klpx_a nofuncs=1; echo rc=$?'
reset_lp
P obj.nolp 'modprobe klpx_nolp f0=version_proc_show; echo rc=$?; ls $K'
P obj.notloaded 'modprobe klpx_a obj0=nosuchmodule f0=foo obj1=anothermod g0=bar; echo rc=$?; sleep 2.5; find $K; grep . $K/*/*/patched; echo 0 > $K/klpx_a/enabled; sleep 4; rmmod klpx_a'
P obj.longname 'modprobe klpx_a obj0=abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcde12345 f0=foo; echo rc=$?; ls $K'
P obj.maxname 'modprobe klpx_a obj0=abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcde f0=foo; echo rc=$?; ls $K/*; sleep 2; echo 0 > $K/klpx_a/enabled; sleep 4; rmmod klpx_a'
P obj.dupfunc 'modprobe klpx_a f0=version_proc_show f1=version_proc_show; echo rc=$?; ls $K'
P obj.dupobj 'modprobe klpx_a obj0=m1 f0=a obj1=m1 g0=b; echo rc=$?; ls $K'
P obj.slashname 'modprobe klpx_a obj0=a/b f0=x/y; echo rc=$?; find $K; sleep 2; echo 0 > $K/klpx_a/enabled; sleep 4; rmmod klpx_a'

N "positive return of pre_patch"

N "module file errors"
P file.params 'modprobe livepatch-sample foo=1; echo rc=$?; sleep 2.5; echo 0 > $S/enabled; sleep 4; rmmod livepatch_sample; modprobe livepatch-callbacks-demo pre_patch_ret=abc; echo rc=$?; insmod $X/livepatch-callbacks-demo.ko pre_patch_ret=; echo rc=$?; insmod $X/livepatch-callbacks-demo.ko pre_patch_ret; echo rc=$?; insmod $X/test_klp_callbacks_busy.ko block_transition=maybe; echo rc=$?; modprobe test_klp_callbacks_busy block_transition; echo rc=$?; cat $M/test_klp_callbacks_busy/parameters/block_transition; rmmod test_klp_callbacks_busy; lsmod'
reset_lp

N "hold in module_init: initstate coming"
P coming.start '(time insmod $X/klpx_a.ko f0=version_proc_show hold_ms=4000; echo rc=$?) & sleep 1.5; for f in initstate refcnt taint coresize initsize; do printf "$f: "; cat $M/klpx_a/$f; done; cat /proc/modules; cat $K/klpx_a/enabled $K/klpx_a/transition; lsmod; cat /proc/version; rmmod klpx_a; echo rmmod rc=$?; insmod $X/klpx_a.ko; echo second insmod rc=$?; wait; cat $M/klpx_a/initstate $M/klpx_a/refcnt'
reset_lp
P coming.disable '(insmod $X/klpx_a.ko f0=version_proc_show hold_ms=6000; echo insmod rc=$?) & sleep 2.5; cat $K/klpx_a/transition; echo 0 > $K/klpx_a/enabled; echo rc=$?; sleep 2.5; ls $K; cat $M/klpx_a/refcnt $M/klpx_a/initstate; wait; cat $M/klpx_a/refcnt $M/klpx_a/initstate'
reset_lp
