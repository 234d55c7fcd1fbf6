# the selftests' module that patches a system call, and processes that call it
# shellcheck shell=bash disable=SC2016 # in single quotes on purpose: the recorded command expands them
# shellcheck source=../../../scripts/oracle/guest/lib.sh
. /job/lib.sh
# shellcheck source=../../../scripts/oracle/guest/tree.sh
. /job/tree.sh

W sys.load 'modprobe test_klp_syscall; echo rc=$?'
P sys.tree 'tree; refs; ls -la /sys/kernel/test_klp_syscall; cat /sys/kernel/test_klp_syscall/npids; ls -l $M/test_klp_syscall/parameters'
P sys.functions 'cat $T/enabled_functions'
W sys.disable 'echo 0 > $K/test_klp_syscall/enabled; echo rc=$?'
P sys.rmmod 'rmmod test_klp_syscall; echo rc=$?; ls /sys/kernel/test_klp_syscall'
P sys.getpid 'ls -l test_klp-call_getpid; (./test_klp-call_getpid & echo $! > /tmp/1; ./test_klp-call_getpid & echo $! > /tmp/2); sleep 0.3; kill -0 $(cat /tmp/1) $(cat /tmp/2); echo rc=$?'
W sys.pids 'modprobe test_klp_syscall klp_pids=$(cat /tmp/1),$(cat /tmp/2); echo rc=$?; sleep 3'
P sys.npids 'cat /sys/kernel/test_klp_syscall/npids; kill -TERM $(cat /tmp/1) $(cat /tmp/2); echo rc=$?; sleep 0.3'
W sys.pids.disable 'echo 0 > $K/test_klp_syscall/enabled; echo rc=$?'
P sys.pids.rmmod 'rmmod test_klp_syscall; echo rc=$?'
P sys.more 'modprobe test_klp_syscall klp_pids=1,99998,99999; echo rc=$?; sleep 2.5; cat /sys/kernel/test_klp_syscall/npids'
W sys.more.disable 'echo 0 > $K/test_klp_syscall/enabled; echo rc=$?'
P sys.end 'rmmod test_klp_syscall; refs; cat /proc/sys/kernel/tainted'
