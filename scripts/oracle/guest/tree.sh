# For probes from 09 on, /job/tree.sh in the guest: what there is, one fact a line. Recorded commands may use them.
# shellcheck shell=bash

# tree: all below $K in the order of names, files with what they say; `force` cannot be read.
tree() {
  local node value
  for node in "${1:-$K}"/*; do
    if [ -d "$node" ]; then
      echo "${node#"$K"/}/"
      tree "$node"
    elif [ "${node##*/}" = force ]; then
      echo "${node#"$K"/}"
    elif [ -e "$node" ]; then
      read -r value <"$node"
      echo "${node#"$K"/} $value"
    fi
  done
}

# refs: the modules' reference counts.
refs() {
  local file count
  for file in "$M"/{klpx,test_klp,livepatch}_*/refcnt; do
    [ -e "$file" ] || continue
    read -r count <"$file"
    file=${file%/refcnt}
    echo "${file##*/} $count"
  done
}

# procs: what the files say whose functions get patched; "-" is the kernel's own text.
procs() {
  local file line lines text
  for file in cmdline meminfo uptime version klpx_value; do
    [ -e "/proc/$file" ] || continue
    text=
    mapfile -t lines <"/proc/$file"
    for line in "${lines[@]}"; do
      case $line in *patched | original*) text="${text:+$text | }$line" ;; esac
    done
    echo "$file: ${text:--}"
  done
}

export -f tree refs procs
