#!/bin/sh
# containerd-shim-kata-ts-v2: what containerd runs for every container of the runtime io.containerd.kata-ts.v2.
#
# It answers from files where nothing is wrong and hands over to Node otherwise, because containerd runs it far more often
# than there are shims: `start` once for every further container of a pod, `delete` after every container. What it is in
# doubt about is left to Node, which decides everything again. It takes no path from the environment.

run=@RUN@
sockets=@SOCKETS@
version='@VERSION@'
flags='@NODE_FLAGS@'
newline='
'

# No shell expands what stands in files and arguments; ranges in patterns are of bytes.
set -f
LC_ALL=C
unset NODE_EXTRA_CA_CERTS NODE_OPTIONS NODE_PATH

# Reads the command line, as far as containerd writes it; anything else is for Node.
action= namespace= id= bundle=
parse() {
  while [ $# -gt 0 ]; do
    case $1 in
    -namespace) namespace=$2 ;;
    -id) id=$2 ;;
    -bundle) bundle=$2 ;;
    -address | -publish-binary) ;;
    -debug)
      shift
      continue
      ;;
    start | delete | -v | -version | --version)
      [ $# -eq 1 ] || return 1
      action=$1
      return 0
      ;;
    *) return 1 ;;
    esac
    [ $# -ge 2 ] || return 1
    shift 2
  done
  return 1
}

# Whether a word is an identifier, and so may be a part of a path.
identifier() {
  case $1 in
  '' | *[!A-Za-z0-9_.-]* | [!A-Za-z0-9]*) return 1 ;;
  esac
}

# Whether the process $1 that began at $2 still runs: field 22 of its stat, counted from behind its name.
running() {
  case $1$2 in
  '' | *[!0-9]*) return 1 ;;
  esac
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  began=$2
  set -- ${stat##*) }
  case $1 in
  Z | X | '') return 1 ;;
  esac
  [ "${20}" = "$began" ]
}

# The container belongs to a pod whose shim runs: say where that is.
#
# Both annotations must be written exactly as Go's encoder does, once each and with nothing else that names a sandbox. A
# quote inside of a JSON text has a backslash before it, so `,"name":"` can only be a member's beginning.
join_pod() {
  [ -d "$run/.shim/$namespace" ] || return 1
  found=$(LC_ALL=C grep -oE '[{,]"io\.kubernetes\.(cri-o\.ContainerType|cri\.container-type|docker\.type|cri-o\.SandboxID|cri\.sandbox-id|sandbox\.id)":("[^"\\]*"|.)' config.json 2>/dev/null) || return 1
  sandbox=${found##*:\"}
  sandbox=${sandbox%\"}
  case $found in
  [{,]'"io.kubernetes.cri.container-type":"container"'"$newline"[{,]'"io.kubernetes.cri.sandbox-id":"'"$sandbox"'"') ;;
  *) return 1 ;;
  esac
  identifier "$sandbox" || return 1
  { read -r pid began socket <"$run/.shim/$namespace/$sandbox/daemon"; } 2>/dev/null || return 1
  running "$pid" "$began" || return 1
  case $socket in
  "$sockets"/*[!0-9-]*) return 1 ;;
  "$sockets"/*) ;;
  *) return 1 ;;
  esac
  [ -S "$socket" ] || return 1
  # A file that is there already is for Node to replace.
  set -C
  { printf 'unix://%s' "$socket" >address; } 2>/dev/null || return 1
  printf 'unix://%s' "$socket"
}

# The shim has deleted the container and left the answer, and is gone itself if it was its own.
was_deleted() {
  case $bundle in
  /*) ;;
  *) return 1 ;;
  esac
  [ -f "$bundle/deleted" ] && [ ! -e "$run/.shim/$namespace/$id" ] && [ ! -e "$run/$namespace/$id" ]
}

fail() {
  printf 'containerd-shim-kata-ts-v2: %s\n' "$1" >&2
  exit 1
}

if parse "$@"; then
  case $action in
  start)
    identifier "$namespace" && identifier "$id" && join_pod && exit 0
    set +C
    ;;
  delete)
    identifier "$namespace" && identifier "$id" && was_deleted && exec cat "$bundle/deleted"
    ;;
  *)
    printf '%s\n' "$version"
    exit 0
    ;;
  esac
fi

self=$0
[ -L "$self" ] && self=$(readlink -f "$self")
main=${self%/*}/main.cjs
command -v node >/dev/null || fail "there is no node in PATH ($PATH): Node.js 20.19 or later must be where containerd finds it"

last=
for last; do :; done
[ "$last" = start ] || exec node $flags "$main" "$run" "$sockets" "$@"

# The process that prints the address stays and is the shim: nothing is waited for but the address, or why there is none.
# What it says comes through a pipe that it closes, so none of what containerd waits for is left open in it, nor anything
# else: Node marks low descriptors as its own, and cannot tell any more that they are not.
[ -e /proc/self/fd/0 ] || exec </dev/null
exec 3<&0
address=$({ node $flags "$main" "$run" "$sockets" "$@" <&3 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&- & } 2>&1)
case $address in
unix://*) printf '%s' "$address" ;;
'') fail 'the shim ended without a word' ;;
*)
  printf '%s\n' "$address" >&2
  exit 1
  ;;
esac
