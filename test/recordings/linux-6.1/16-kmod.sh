# what kmod says: insmod, modprobe, rmmod, lsmod, modinfo, depmod's files
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

N "versions"
P kmod.version 'kmod --version; modprobe --version; insmod --version; rmmod --version; lsmod --version; modinfo --version'
P kmod.plain 'insmod; echo rc=$?; rmmod; echo rc=$?; modprobe; echo rc=$?; modprobe -r; echo rc=$?; modinfo; echo rc=$?; lsmod x; echo rc=$?'
P kmod.option 'insmod --nosuch; echo rc=$?; rmmod --nosuch; echo rc=$?; modprobe --nosuch; echo rc=$?; modinfo --nosuch; echo rc=$?'

N "names that are none"
P kmod.insmod.none 'insmod nosuch.ko; echo rc=$?; insmod nosuch; echo rc=$?; insmod livepatch-sample; echo rc=$?; insmod /tmp; echo rc=$?'
P kmod.insmod.bad 'echo hello > /tmp/x.ko; insmod /tmp/x.ko; echo rc=$?; : > /tmp/y.ko; insmod /tmp/y.ko; echo rc=$?; head -c 2000 $X/klpx_a.ko > /tmp/z.ko; insmod /tmp/z.ko; echo rc=$?'
P kmod.modprobe.none 'modprobe nosuch; echo rc=$?; modprobe -q nosuch; echo rc=$?; modprobe nosuch-mod x=1; echo rc=$?; modprobe ""; echo rc=$?; modprobe /tmp/x.ko; echo rc=$?; modprobe $X/klpx_target.ko; echo rc=$?'
P kmod.rmmod.none 'rmmod nosuch; echo rc=$?; rmmod no-such klpx_target; echo rc=$?; modprobe -r nosuch; echo rc=$?; modprobe -r klpx_target; echo rc=$?; rmmod -s nosuch; echo rc=$?; rmmod livepatch; echo rc=$?'
P kmod.modinfo.none 'modinfo nosuch; echo rc=$?; modinfo nosuch.ko; echo rc=$?; modinfo /tmp/x.ko; echo rc=$?'

N "dry runs and resolving"
P kmod.dry 'modprobe -n klpx_target; echo rc=$?; modprobe -n -v klpx_target mode=2; echo rc=$?; modprobe --dry-run --verbose livepatch_sample; echo rc=$?; lsmod'
P kmod.depends 'modprobe -D klpx_a; echo rc=$?; modprobe --show-depends livepatch-sample; echo rc=$?; modprobe -D nosuch; echo rc=$?'
P kmod.resolve 'modprobe -R livepatch_sample; echo rc=$?; modprobe -R klpx-a; echo rc=$?; modprobe -R nosuch; echo rc=$?'
P kmod.verbose 'modprobe -v klpx_target mode=1; echo rc=$?; modprobe -v klpx_target; echo rc=$?; modprobe -rv klpx_target; echo rc=$?; modprobe -rv klpx_target; echo rc=$?'
P kmod.rmmod.verbose 'insmod $X/klpx_target.ko; rmmod -v klpx_target; echo rc=$?; rmmod -v klpx_target; echo rc=$?'
P kmod.first 'modprobe klpx_target; modprobe --first-time klpx_target; echo rc=$?; modprobe -r klpx_target; modprobe -r --first-time klpx_target; echo rc=$?'
P kmod.all 'modprobe -a klpx_target nosuch livepatch-callbacks-mod; echo rc=$?; lsmod | sort; modprobe -ra klpx_target livepatch_callbacks_mod; echo rc=$?; lsmod'
P kmod.builtin 'modprobe ext4; echo rc=$?; modprobe -v unix; echo rc=$?; modprobe -r unix; echo rc=$?; modinfo unix 2>&1 | head -3; rmmod unix; echo rc=$?'

N "modinfo"
for module in livepatch_sample klpx_a klpx_target test_klp_callbacks_busy test_klp_shadow_vars; do
  P "kmod.modinfo[$module]" "modinfo $module; echo rc=\$?"
done
P kmod.modinfo.fields 'modinfo -F livepatch klpx_a; echo rc=$?; modinfo -F livepatch klpx_target; echo rc=$?; modinfo -F parm klpx_target; modinfo -p klpx_target; modinfo -d klpx_a; modinfo -a livepatch-sample; modinfo -l klpx_a; modinfo -n klpx_a; modinfo -F vermagic klpx_a; modinfo -F nosuch klpx_a; echo rc=$?; modinfo -0 -F license klpx_a | od -c | head'
P kmod.modinfo.path 'modinfo -F name $X/klpx_a.ko; modinfo -F depends $X/klpx_a.ko; echo rc=$?'

N "loaded"
P kmod.twice 'insmod $X/klpx_target.ko; echo rc=$?; insmod $X/klpx_target.ko; echo rc=$?; insmod $X/klpx_target.ko mode=x; echo rc=$?; modprobe klpx_target mode=x; echo rc=$?; modprobe klpx_target nosuch; echo rc=$?'
P kmod.dashes 'modprobe klpx-target; echo rc=$?; rmmod klpx-target; echo rc=$?; modprobe klpx-target; echo rc=$?; modprobe -r klpx-target; echo rc=$?; insmod $X/klpx_target.ko; rmmod $X/klpx_target.ko; echo rc=$?'
W kmod.used.load 'modprobe livepatch-sample; echo rc=$?'
P kmod.used 'rmmod livepatch_sample; echo rc=$?; rmmod livepatch-sample; echo rc=$?; modprobe -r livepatch-sample; echo rc=$?; modprobe -rv livepatch_sample; echo rc=$?; rmmod -s livepatch_sample; echo rc=$?'
P kmod.used.two 'modprobe klpx_target; rmmod livepatch_sample klpx_target; echo rc=$?; modprobe klpx_target; modprobe -r livepatch_sample klpx_target; echo rc=$?; lsmod'
P kmod.used.list 'modprobe klpx_target; lsmod; sed "s/0x[0-9a-f]*/ADDRESS/" /proc/modules; rmmod klpx_target'
U kmod.user 'lsmod; insmod $X/klpx_a.ko; echo rc=$?; modprobe klpx_a; echo rc=$?; modprobe -n klpx_a; echo rc=$?; rmmod livepatch_sample; echo rc=$?; modprobe livepatch-sample; echo rc=$?; modprobe -r livepatch-sample; echo rc=$?; modinfo -F license klpx_a'
W kmod.used.disable 'echo 0 > $S/enabled'
P kmod.unused 'modprobe -rv livepatch-sample; echo rc=$?; lsmod'

N "/sys/module"
W kmod.sysfs.load 'modprobe livepatch-sample; modprobe klpx_target; echo rc=$?'
P kmod.sysfs.livepatch 'ls -la $M/livepatch_sample; cd $M/livepatch_sample; for f in coresize initsize initstate refcnt taint srcversion version; do [ -e $f ] && echo "$f: $(cat $f)"; done; cat uevent; ls -a holders notes sections'
P kmod.sysfs.target 'ls -la $M/klpx_target; cd $M/klpx_target; for f in initsize initstate refcnt taint; do [ -e $f ] && echo "$f: $(cat $f)"; done; ls -a holders notes sections parameters'
P kmod.sysfs.sections 'cd $M/livepatch_sample/sections; ls -la; cat .text | sed "s/[0-9a-f]\{8\}$/ADDRESS/"'
P kmod.sysfs.depends 'modprobe livepatch-shadow-mod; modprobe livepatch-shadow-fix1; ls $M/livepatch_shadow_mod/holders; cat $M/livepatch_shadow_mod/refcnt; lsmod | sort'
W kmod.sysfs.end 'sleep 2; echo 0 > $K/livepatch_shadow_fix1/enabled; echo 0 > $S/enabled; sleep 3; echo 0 > $S/enabled'
P kmod.sysfs.rmmod 'rmmod livepatch_shadow_fix1 livepatch_shadow_mod klpx_target livepatch_sample; echo rc=$?; lsmod'
