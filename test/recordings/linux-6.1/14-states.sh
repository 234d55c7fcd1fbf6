# system states: which patches are compatible with those that are there
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

# over ID PARAMETERS: klpx_b with these on top of what is enabled, and away again.
over() {
  W "$1" "modprobe klpx_b f0=uptime_proc_show $2; echo rc=\$?"
  if [ -e "$K/klpx_b" ]; then
    P "$1.tree" 'ls $K; refs'
    echo 0 > "$K/klpx_b/enabled"
    while [ -e "$K/klpx_b" ]; do sleep 0.05; done
    sleep 0.2
    rmmod klpx_b
  fi
}

N "the kernel's own: version 1, then 2, then 1 is refused"
W sts.v1.load 'modprobe test_klp_state; echo rc=$?'
P sts.v1.tree 'tree; refs'
W sts.v2.load 'modprobe test_klp_state2; echo rc=$?'
P sts.v2.tree 'tree; refs'
P sts.v2.v1.loaded 'modprobe test_klp_state; echo rc=$?'
P sts.v2.v1 'rmmod test_klp_state; modprobe test_klp_state; echo rc=$?; insmod $X/test_klp_state.ko; echo rc=$?; refs; ls $K'
P sts.v2.stateless 'modprobe test_klp_atomic_replace replace=1; echo rc=$?; ls $K; refs'
W sts.v2.stacked 'modprobe test_klp_atomic_replace replace=0; echo rc=$?'
P sts.v2.stacked.tree 'ls $K; refs; procs'
W sts.v3.load 'modprobe test_klp_state3; echo rc=$?'
P sts.v3.tree 'tree; refs; rmmod test_klp_state2 test_klp_atomic_replace; echo rc=$?'
W sts.v3.v2 'modprobe test_klp_state2; echo rc=$?'
P sts.v3.v2.tree 'tree; refs; rmmod test_klp_state3; echo rc=$?'
P sts.v2.v1.again 'modprobe test_klp_state; echo rc=$?'
W sts.v2.disable 'echo 0 > $K/test_klp_state2/enabled; echo rc=$?'
W sts.v1.again 'rmmod test_klp_state2; modprobe test_klp_state; echo rc=$?'
W sts.v1.v3 'modprobe test_klp_state3; echo rc=$?'
P sts.v1.v3.tree 'ls $K; refs; rmmod test_klp_state; echo rc=$?'
W sts.v3.disable 'echo 0 > $K/test_klp_state3/enabled; echo rc=$?'
P sts.end 'rmmod test_klp_state3; echo rc=$?; refs'
W sts.v3.first 'modprobe test_klp_state3; echo rc=$?'
P sts.v3.v1 'modprobe test_klp_state; echo rc=$?'
W sts.v3.end 'echo 0 > $K/test_klp_state3/enabled; echo rc=$?'
rmmod test_klp_state3

N "an enabled patch with state 5 of version 2"
W sts.a.load 'modprobe klpx_a f0=version_proc_show state_id=5 state_ver=2; echo rc=$?'
over sts.none 'replace=0'
over sts.none.replace 'replace=1'
over sts.lower 'state_id=5 state_ver=1'
over sts.lower.replace 'state_id=5 state_ver=1 replace=1'
over sts.zero 'state_id=5 state_ver=0'
over sts.same 'state_id=5 state_ver=2'
over sts.higher 'state_id=5 state_ver=3'
over sts.other 'state_id=6 state_ver=1'
over sts.other.replace 'state_id=6 state_ver=9 replace=1'
over sts.negative 'state_id=5 state_ver=-1'
P sts.refused.insmod 'insmod $X/klpx_b.ko f0=uptime_proc_show state_id=5 state_ver=1; echo rc=$?; lsmod'
P sts.refused.symbol 'modprobe klpx_b f0=nosuch_symbol state_id=5 state_ver=1; echo rc=$?'
P sts.refused.callback 'modprobe klpx_b f0=uptime_proc_show cb=1 pre_ret=-19 state_id=5 state_ver=1; echo rc=$?'
P sts.refused.unmarked 'modprobe klpx_nolp f0=uptime_proc_show state_id=5 state_ver=1; echo rc=$?'
P sts.refused.notes 'ls $K; refs; procs; sort $T/enabled_functions'

N "two enabled patches with states"
W sts.c.load 'modprobe klpx_c f0=cmdline_proc_show state_id=7 state_ver=4; echo rc=$?'
over sts.two.five 'state_id=5 state_ver=2 replace=1'
over sts.two.seven 'state_id=7 state_ver=4 replace=1'
over sts.two.seven.lower 'state_id=7 state_ver=3'
over sts.two.seven.same 'state_id=7 state_ver=4'
over sts.two.none 'replace=0'
W sts.two.a.disable 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
over sts.then.five.lower 'state_id=5 state_ver=1'
over sts.then.five.replace 'state_id=5 state_ver=9 replace=1'
W sts.then.seven.replace 'modprobe klpx_b f0=uptime_proc_show state_id=7 state_ver=5 replace=1; echo rc=$?'
P sts.then.tree 'tree; refs; rmmod klpx_c klpx_a; echo rc=$?'
W sts.then.lower 'modprobe klpx_a f0=version_proc_show state_id=7 state_ver=4; echo rc=$?'
W sts.then.same 'modprobe klpx_a f0=version_proc_show state_id=7 state_ver=5 replace=1; echo rc=$?'
P sts.then.same.tree 'tree; refs; rmmod klpx_b; echo rc=$?'
W sts.then.end 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P sts.then.rmmod 'rmmod klpx_a; echo rc=$?; refs'

N "states that are not there: id 0"
W sts.id0.a 'modprobe klpx_a f0=version_proc_show state_id=0 state_ver=9; echo rc=$?'
over sts.id0.replace 'state_id=0 state_ver=1 replace=1'
P sts.id0.end 'ls $K; refs; rmmod klpx_a; echo rc=$?'

N "during a transition the transition is what refuses"
modprobe klpx_target
start_reader 2
PS 1500 sts.busy.a 'modprobe klpx_a obj0=klpx_target w=1 state_id=5 state_ver=2; echo rc=$?'
P sts.busy.refused 'modprobe klpx_b f0=uptime_proc_show state_id=5 state_ver=1; echo rc=$?'
P sts.busy.compatible 'modprobe klpx_b f0=uptime_proc_show state_id=5 state_ver=3; echo rc=$?'
W sts.busy.release 'echo 1 > $M/klpx_target/parameters/release; sleep 0.5'
stop_reader
W sts.busy.end 'echo 0 > $K/klpx_a/enabled; echo rc=$?'
P sts.busy.rmmod 'rmmod klpx_a klpx_target; echo rc=$?; refs'
