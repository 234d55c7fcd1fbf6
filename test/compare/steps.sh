# What the scripts of a comparison begin with: how steps run, and what is looked at after each. The same in the guest of
# a real kernel and on a machine of klpfs, whose clock may be faster: all waiting is measured by /proc/uptime.
# shellcheck shell=bash
# shellcheck source=../../scripts/oracle/guest/lib.sh
. /job/lib.sh

PATCHES='klpx_a klpx_b klpx_c livepatch_sample livepatch_callbacks_demo test_klp_livepatch test_klp_atomic_replace
  test_klp_callbacks_demo test_klp_callbacks_demo2 test_klp_state test_klp_state2 test_klp_state3'

BLOCK=$M/test_klp_callbacks_busy/parameters/block_transition

# step ID COMMAND: runs and records it, what it leads to, and what there is then.
step() { jrec -s 0 "$1" "$2"$'\nafter $?'; }

after() {
  settle
  echo "--- rc $1"
  show_patches
  show_modules
  show_functions
  show_tasks
}

# The machine's clock, in hundredths of a second, to the variable now.
clock() {
  local seconds
  read -r seconds _ </proc/uptime
  now=$((10#${seconds/./}))
}

# Sets moving to the patch in transition and its `enabled`, leaving if a patch is about to vanish, and holding to what
# the replacements of klpx_wait() are told.
look() {
  local patch transition enabled file
  moving='' leaving='' holding=''
  for patch in "$K"/*; do
    { read -r transition <"$patch/transition" && read -r enabled <"$patch/enabled"; } 2>/dev/null || continue
    [ "$transition" = 0 ] || moving=${patch##*/}:$enabled
    [ "$transition$enabled" != 00 ] || leaving=1
  done
  for file in "$M"/klpx_[abc]/parameters/hold_wait; do
    { read -r enabled <"$file"; } 2>/dev/null && holding+=$enabled
  done
}

# Prints the pids of readers, and of the kthread that is inside klpx_wait(), too.
inside() {
  local pid
  [ ! -e /tmp/readers ] || while read -r pid; do [ ! -e "/proc/$pid" ] || echo "$pid"; done </tmp/readers
  [ ! -e "$M/klpx_target" ] || pgrep klpx_kthread
}

# Does somebody hold the transition up: a reader, the kthread, or perhaps the work of test_klp_callbacks_busy?
held_up() {
  local pid state
  blocking && [ -e "$K/${moving%:*}/test_klp_callbacks_busy" ] && return
  for pid in $(inside); do
    { read -r state <"/proc/$pid/patch_state"; } 2>/dev/null || continue
    [ "$state" = "${moving#*:}" ] || return 0
  done
  return 1
}

# Does the work function of test_klp_callbacks_busy wait?
blocking() {
  local block
  { read -r block <"$BLOCK"; } 2>/dev/null && [ "$block" = Y ]
}

# Waits until nothing is in transition. Where somebody holds it up that may be never: then for two passes and a half, and
# not again while readers do and the transition stays the same.
settle() {
  local now began moving leaving holding limit held=''
  [ ! -e /tmp/held ] || read -r held </tmp/held
  clock
  began=$now
  while look; [ -n "$moving$leaving" ]; do
    limit=4000
    if [ -n "$moving" ] && held_up; then
      limit=250
      [ "$moving $holding" != "$held" ] || blocking || break
    fi
    [ $((now - began)) -lt $limit ] || break
    sleep 0.05
    clock
  done
  echo "$moving $holding" >/tmp/held
  release_modules
}

# A patch lets go of its module just after its directory is gone; one that was forced never does.
release_modules() {
  local now began module references kept
  clock
  began=$now
  while [ $((now - began)) -lt 30 ]; do
    kept=''
    for module in $PATCHES; do
      [ ! -e "$K/$module" ] && [ -e "$M/$module/refcnt" ] || continue
      read -r references <"$M/$module/refcnt"
      [ "$references" = 0 ] || kept=1
    done
    [ -n "$kept" ] || break
    sleep 0.05
    clock
  done
}

show_patches() {
  local mode path lines
  find "$K" -mindepth 1 -printf '%M %P\n' >/tmp/tree
  while read -r mode path; do
    case $mode in
      -r*)
        mapfile -t lines <"$K/$path"
        echo "$mode $path: ${lines[*]}" ;;
      *) echo "$mode $path" ;;
    esac
  done </tmp/tree
}

show_modules() {
  local name references users state taint mode path lines
  while read -r name _ references users state _ taint; do
    echo "$name $references $users $state $taint"
    find "$M/$name/parameters" "$M/$name/holders" -mindepth 1 -printf '%M %p\n' 2>/dev/null
  done </proc/modules >/tmp/modules
  while read -r mode path; do
    case $mode in
      -r*)
        mapfile -t lines <"$path"
        echo "$mode $path: ${lines[*]}" ;;
      *) echo "$mode $path" ;;
    esac
  done </tmp/modules
}

# Which functions ftrace redirects, and what is printed by those that get patched; "-" is the kernel's own text.
show_functions() {
  local file line lines text
  mapfile -t lines <"$T/enabled_functions"
  printf 'ftrace: %s\n' "${lines[@]}"
  for file in cmdline meminfo version klpx_value; do
    [ -e "/proc/$file" ] || continue
    text=
    mapfile -t lines <"/proc/$file"
    for line in "${lines[@]}"; do
      case $line in *patched | original*) text="${text:+$text | }$line" ;; esac
    done
    echo "$file: ${text:--}"
  done
}

# Are there any?
readers() {
  local pid
  [ -e /tmp/readers ] || return
  while read -r pid; do [ ! -e "/proc/$pid" ] || return 0; done </tmp/readers
  return 1
}

# And init, kthreadd, which nobody holds up, and the kthread of klpx_target.
show_tasks() {
  local pid state lines line
  for pid in 1 2; do
    read -r state <"/proc/$pid/patch_state"
    echo "task $pid: patch_state $state"
  done
  for pid in $([ ! -e "$M/klpx_target" ] || pgrep klpx_kthread); do
    read -r state <"/proc/$pid/patch_state"
    echo "kthread: patch_state $state"
    while read -r line; do
      case $line in *_wait+*) echo "kthread: $line" ;; esac
    done <"/proc/$pid/stack"
  done
  [ -e /tmp/readers ] || return
  while read -r pid; do
    if { read -r state <"/proc/$pid/patch_state"; } 2>/dev/null; then
      echo "reader: patch_state $state"
      while read -r line; do
        case $line in *_wait+*) echo "reader: $line" ;; esac
      done <"/proc/$pid/stack"
    else
      # In klpfs the process of the machine has a companion, which prints.
      while builtin kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
      mapfile -t lines <"/tmp/reader.$pid"
      echo "reader: ${lines[*]}"
    fi
  done </tmp/readers
}

# From now on a process reads /proc/klpx_wait: it blocks inside klpx_wait() or what replaces it.
start_reader() {
  local now began line
  [ -e /proc/klpx_wait ] || { echo 'there is no klpx_wait()'; return; }
  cat /proc/klpx_wait >"/tmp/reader.$BASHPID" 2>&1 &
  echo $! >>/tmp/readers
  clock
  began=$now
  while builtin kill -0 $! 2>/dev/null && [ $((now - began)) -lt 300 ]; do
    while read -r line; do case $line in *klpx_wait+* | *new_wait+*) return ;; esac; done <"/proc/$!/stack"
    sleep 0.05
    clock
  done 2>/dev/null
  return 0
}

# Lets the readers go: those in the original, and with `hold_wait` off those in its replacements.
release_readers() {
  local now began
  rm -f /tmp/held
  [ ! -e "$M/klpx_target" ] || echo 1 >"$M/klpx_target/parameters/release"
  clock
  began=$now
  while readers && [ $((now - began)) -lt 200 ]; do
    sleep 0.05
    clock
  done
  [ -e "$M/klpx_target" ] || return 0
  # The kthread comes back: it leaves for good once it is in the state of the transition.
  [ -z "$(pgrep klpx_kthread)" ] || settle
  echo 0 >"$M/klpx_target/parameters/release"
  [ -z "$(pgrep klpx_kthread)" ] || wait_for 50
}

# wait_for TIME: hundredths of a second by the machine's clock.
wait_for() {
  local now began
  clock
  began=$now
  while [ $((now - began)) -lt "$1" ]; do
    sleep 0.05
    clock
  done
}

# signal_readers SIGNAL...: one after the other. What it makes of them shows within a moment.
signal_readers() {
  local signal pid
  [ -e /tmp/readers ] || return
  rm -f /tmp/held
  for signal; do
    while read -r pid; do kill "-$signal" "$pid" 2>/dev/null; done </tmp/readers
    sleep 0.3
  done
}

# Lets the work function of test_klp_callbacks_busy go.
unblock() {
  echo N >"$BLOCK" || return
  sleep 0.3
}

# load_target COMMAND...: with a kthread it is inside klpx_wait() afterwards.
load_target() {
  "$@" || return
  wait_for 50
}

# unload_target: not while somebody is inside who would be waited for.
unload_target() {
  local moving leaving holding
  look
  if readers || [[ $holding == *1* ]]; then
    echo 'not now'
  else
    rmmod klpx_target
  fi
}

# What is done once a boot: the first module taints, the first livepatch too; livepatch says all that it can.
warm_up() {
  echo 'file kernel/livepatch/* +p' >"$D/dynamic_debug/control"
  insmod "$X/klpx_target.ko"
  insmod "$X/klpx_a.ko" f0=nosuch
  rmmod klpx_target
} >/dev/null 2>&1

# Takes away all that a sequence has left. Fails if something stays: then left says what.
clean() {
  local now began module modules path rest
  for path in "$M"/klpx_[abc]/parameters/hold_wait "$BLOCK"; do [ ! -e "$path" ] || echo 0 >"$path"; done
  release_readers
  echo 1 >/proc/sys/kernel/ftrace_enabled
  clock
  began=$now
  while [ -n "$(ls "$K")" ] && [ $((now - began)) -lt 2000 ]; do
    for path in "$K"/*/enabled; do
      { read -r rest <"$path" && [ "$rest" = 0 ] || echo 0 >"$path"; } 2>/dev/null
    done
    sleep 0.1
    clock
  done
  release_modules
  mapfile -t modules </proc/modules
  for module in "${modules[@]%% *}"; do rmmod "$module" || rmmod -f "$module"; done 2>/dev/null
  rm -f /tmp/reader* /tmp/held
  left=$(ls "$K"; cat /proc/modules)
  [ -z "$left" ]
}

export PATCHES BLOCK
export -f after settle held_up blocking unblock clock look release_modules readers start_reader signal_readers release_readers inside wait_for load_target unload_target \
  show_patches show_modules show_functions show_tasks
