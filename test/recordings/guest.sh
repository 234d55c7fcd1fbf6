#!/bin/bash
# The guest of a replay: a root directory as the oracle's guest had it, with a mounted machine in the place of a kernel.
#
#   unshare --mount --net --pid --fork guest.sh MACHINE ROOT TOOLS KERNEL SCRIPT
#
#   MACHINE  where the machine is mounted
#   ROOT     an empty directory, the root to be
#   TOOLS    sysp and jrec, compiled
#   KERNEL   what uname -r says
#   SCRIPT   what to run; its records come to standard output
#
# Everything lies in namespaces of its own, so nothing of it outlives this process.
set -euo pipefail
machine=$1 root=$2 tools=$3 kernel=$4 script=$5
here=$(dirname "$(readlink -f "$0")")

# The programs of the oracle's guest that the probes use. It had no df, mkfifo, chgrp, findmnt.
programs=(
  bash cat chattr chmod chown cp cut date dd diff env find getfattr grep head id ln ls lsattr md5sum mkdir
  cmp mktemp mv od pwd readlink rm rmdir sed seq setfattr setpriv sleep sort stat tac tail tee touch tr
  truncate umount uniq wc yes awk
)

mount -t tmpfs -o mode=755 guest "$root"
mkdir -p "$root"/{host,usr/bin,lib,machine,procfs,proc/sys/kernel,sys,dev,etc,root,job,run}
mkdir -m 1777 "$root/tmp"
ln -s usr/bin "$root/bin"

# Programs and libraries are this machine's own, read-only.
mount --bind /usr "$root/host"
mount -o remount,bind,ro "$root/host"
ln -s /host/lib "$root/usr/lib"
ln -s /host/lib64 "$root/lib64"
for libraries in /usr/lib/*-linux-gnu; do ln -s "/host/lib/${libraries##*/}" "$root/lib/"; done
cp /etc/ld.so.cache "$root/etc/"
for program in "${programs[@]}"; do
  path=$(readlink -f "$(type -P "$program" || { echo "this machine has no $program" >&2; exit 1; })")
  ln -s "/host/${path#/usr/}" "$root/usr/bin/$program"
done
ln -s bash "$root/usr/bin/sh"
cp "$tools"/{sysp,jrec} "$here"/shims/* "$here/../../scripts/klpfs-shim" "$root/usr/bin/"
for program in insmod rmmod modprobe lsmod modinfo dmesg; do ln -s klpfs-shim "$root/usr/bin/$program"; done
mv "$root/usr/bin/bashrc" "$root/etc/"
printf '%s\n' root:x:0:0:root:/root:/bin/bash user:x:1000:1000:user:/tmp:/bin/bash >"$root/etc/passwd"
printf '%s\n' root:x:0: user:x:1000: >"$root/etc/group"

# The machine's modules are no files; insmod asks whether there is one. Files of samples have a dash.
mkdir -p "$root/lib/modules/$kernel/extra"
for module in $(sed -n 's/^modules: //p' "$machine/control/insmod"); do
  [[ $module != livepatch_* ]] || module=${module//_/-}
  : >"$root/lib/modules/$kernel/extra/$module.ko"
done
printf '%s\n' "$kernel" >"$root/etc/kernel"

# The machine: its /sys, its /dev/kmsg, its files of /proc.
mount --bind "$machine" "$root/machine"
mount --bind "$machine/sys" "$root/sys"
ln -s /machine/dev/kmsg "$root/dev/kmsg"
for entry in "$machine"/proc/*; do
  name=${entry##*/}
  [ "$name" = sys ] || ln -s "/machine/proc/$name" "$root/proc/$name"
done
for entry in "$machine"/proc/sys/kernel/*; do
  ln -s "/machine/proc/sys/kernel/${entry##*/}" "$root/proc/sys/kernel/"
done

# What modules have made is there once they are loaded.
for name in klpx_value klpx_wait; do ln -s "/machine/proc/$name" "$root/proc/$name"; done

# The processes that look at the machine are not its own: of them there is /proc/self only.
mount -t proc proc "$root/procfs"
ln -s /procfs/self "$root/proc/self"
ln -s self/mounts "$root/proc/mounts"
ln -s /procfs/self/fd "$root/dev/fd"
for device in null zero full; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done

cp "$here"/../../scripts/oracle/guest/*.sh "$script" "$root/job/"
exec env -i PATH=/usr/bin KLPFS_MOUNT=/machine HOME=/root LC_ALL=C TERM=dumb BASH_ENV=/etc/bashrc \
  "$(type -P chroot)" "$root" bash -c 'cd; exec bash "/job/$0"' "$(basename "$script")" </dev/null
