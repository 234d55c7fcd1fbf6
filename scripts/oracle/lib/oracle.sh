# Shared by setup and ask: where the state lies, which kernels there are, how the guest boots.
# shellcheck shell=bash

# Everything that setup makes lies here, a folder for each release.
ORACLE_DIR=$(realpath -m "${KLPFS_ORACLE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/klpfs-oracle}")
RELEASES=(6.1 6.12)

# Neither Kbuild nor QEMU's options take these characters in a path.
check_state_folder() {
  [[ $ORACLE_DIR != *[[:space:],:]* ]] || die "no blank, comma or colon may be in the state folder's path: $ORACLE_DIR"
}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$@"; exit 2; }

# check_release RELEASE: ends the program when there is no such release.
check_release() {
  local release
  for release in "${RELEASES[@]}"; do
    [ "$release" = "$1" ] && return
  done
  die "no kernel $1; there are: ${RELEASES[*]}"
}

# describe_kernel RELEASE: prints "KERNEL PACKAGE-VERSION" of what setup made; ends the program when there is nothing.
describe_kernel() {
  check_release "$1"
  [ -r "$ORACLE_DIR/$1/ready" ] || die "kernel $1 is not set up in $ORACLE_DIR; run: setup --kernel $1"
  cut -d' ' -f1,2 "$ORACLE_DIR/$1/ready"
}

# whole_number TEXT: ends the program unless TEXT is a whole number above 0.
whole_number() {
  [[ $1 =~ ^[1-9][0-9]*$ ]] || die "not a whole number above 0: $1"
}

# new_run: makes the folder RUN, with RUN/job for the guest; it goes, and so does the guest, when the program ends.
new_run() {
  RUN=$(mktemp -d "$ORACLE_DIR/run.XXXXXX")
  GUEST_PID=
  trap end_run EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  mkdir "$RUN/job"
}

end_run() {
  if [ -n "$GUEST_PID" ] && kill "$GUEST_PID" 2>/dev/null; then
    wait "$GUEST_PID" || true
  fi
  rm -rf "$RUN"
}

# boot_guest RELEASE full|lean SECONDS CPUS [KERNEL-ARGUMENTS]
#   Boots the guest with RUN/job as its /job. What /job/main.sh prints goes to standard output, the console's text to
#   RUN/console. Returns main.sh's status; 124 when SECONDS have passed; 125 when the guest ended before main.sh did.
boot_guest() {
  local state=$ORACLE_DIR/$1 root=$2 seconds=$3 cpus=$4 arguments=${5:-} status=0
  command -v qemu-system-x86_64 >/dev/null || die "QEMU is not installed; run: setup --kernel $1"

  # The kernel unpacks archives that follow one another as one.
  {
    cat "$state/$root.cpio"
    (cd "$RUN" && find job | cpio -o -H newc --quiet -R 0:0)
  } >"$RUN/initrd"
  : >"$RUN/console"
  timeout "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp "$cpus" -m 2048 \
    -nodefaults -display none -no-reboot \
    -chardev "file,id=console,path=$RUN/console" -serial chardev:console \
    -chardev stdio,id=job,signal=off -serial chardev:job \
    -kernel "$state/vmlinuz" -initrd "$RUN/initrd" \
    -append "console=ttyS0 quiet panic=-1 $arguments" </dev/null &
  GUEST_PID=$!
  wait "$GUEST_PID" || status=$?
  GUEST_PID=

  [ "$status" = 124 ] && { say "the guest ran past $seconds s"; return 124; }
  status=$(sed -n 's/.*JOB-EXIT \([0-9]*\).*/\1/p' "$RUN/console" | tail -n 1)
  if [ -z "$status" ]; then
    say "the guest ended before the script; the end of its console:"
    tail -n 40 "$RUN/console" | tr -d '\r' >&2
    return 125
  fi
  return "$status"
}
